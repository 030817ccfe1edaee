"""Write an outcome to a bundle folder, load it as a device does, and check that it gives the measured scores."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from fashion_edge.atomic import atomic_folder
from fashion_edge.backends import open_backend
from fashion_edge.bundle import MANIFEST, Golden, Manifest, Variant, load_bundle
from fashion_edge.golden import TOLERANCE, self_check
from fashion_export.calibration import to_csv
from fashion_export.conversion import Artefact, Outcome
from fashion_export.report import drift_picture, model_card, report


def write_bundle(outcome: Outcome, out: Path, *, overwrite: bool = False) -> Path:
    """Write the bundle under a hidden name, replay its golden inputs, then rename it to `out`, numbered if taken."""
    names: list[Path] = []
    with atomic_folder(out, marker=MANIFEST, overwrite=overwrite, named=names.append) as part:
        golden = outcome.golden.to_npz()
        (part / "golden.npz").write_bytes(golden)
        for artefact in outcome.artefacts:
            (part / artefact.recipe.file).write_bytes(artefact.data)
        manifest = _to_manifest(outcome, hashlib.sha256(golden).hexdigest())
        (part / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")
        if len(outcome.prepared.calibration):
            (part / "calibration.csv").write_text(to_csv(outcome.prepared.calibration), encoding="utf-8")
        if len(outcome.prepared.validation):
            (part / "drift.png").write_bytes(drift_picture(outcome))
        (part / "report.md").write_text(report(outcome), encoding="utf-8")
        (part / "MODEL_CARD.md").write_text(model_card(outcome), encoding="utf-8")
        replay(part)
    return names[0]


def replay(folder: Path) -> None:
    """Load a bundle as a device does, and run the golden inputs through every variant."""
    bundle = load_bundle(folder)
    for variant in bundle.manifest.variants:
        self_check(bundle, variant, open_backend(bundle, variant))


def _to_manifest(outcome: Outcome, golden_sha256: str) -> Manifest:
    variants = tuple(_to_variant(artefact, outcome.verdict) for artefact in outcome.artefacts)
    tolerance = {variant.precision: TOLERANCE[variant.precision] for variant in variants}
    return Manifest(
        space=outcome.space,
        input=outcome.prepared.source.spec,
        variants=variants,
        golden=Golden("golden.npz", golden_sha256, tolerance),
        provenance={**outcome.provenance, "parity": outcome.verdict},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _to_variant(artefact: Artefact, verdict: str) -> Variant:
    measured = artefact.parity.to_metrics() if artefact.parity else {}
    return Variant(
        file=artefact.recipe.file,
        runtime=artefact.recipe.runtime,
        precision=artefact.recipe.precision,
        bytes=len(artefact.data),
        sha256=hashlib.sha256(artefact.data).hexdigest(),
        metrics={**measured, "parity": verdict, "min_runtime": artefact.min_runtime},
    )
