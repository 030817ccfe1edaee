"""Label a large folder on all cores, or on a cluster, with Ray Data.

pip install 'ray[data]', then python label_archive_ray.py PHOTOS OUTPUT.jsonl [WORKERS]
"""

import json
import os
import sys
from pathlib import Path

import ray

from fashion_edge import Classifier


class Label:
    """A worker: loads the model once, then labels batches of paths."""

    def __init__(self) -> None:
        self.classifier = Classifier.load(threads=1)

    def __call__(self, batch: dict) -> dict:
        """Return paths, and one JSON text for each."""
        paths, failed = batch["path"].tolist(), {}
        results = self.classifier.classify_batch(paths, on_error=failed.__setitem__)
        rows = {result.frame.source: {"text": result.text, "labels": result.labels} for result in results}
        rows |= {path: {"error": str(error)} for path, error in failed.items()}
        return {"path": paths, "row": [json.dumps(rows[path]) for path in paths]}


photos, output = Path(sys.argv[1]), Path(sys.argv[2])
workers = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
ray.init(num_cpus=workers)  # on a cluster: ray.init("auto"), with the photos on shared storage
suffixes = {".jpg", ".jpeg", ".png", ".webp"}
paths = [{"path": str(path.resolve())} for path in sorted(photos.rglob("*")) if path.suffix.lower() in suffixes]
labelled = ray.data.from_items(paths).map_batches(Label, batch_size=256, concurrency=workers)
with output.open("w") as lines:
    for item in labelled.iter_rows():
        lines.write(json.dumps({"path": item["path"], **json.loads(item["row"])}) + "\n")
