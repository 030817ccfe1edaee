"""The data set when none is given: rendered garments."""

import tempfile
from pathlib import Path

from fashion_edge.console import say

PHOTOS_PER_COMBINATION = 150


def rendered_dataset(seed: int) -> Path:
    """A folder of rendered photos, made once for each seed, below the temporary folder."""
    from fashion_edge.atomic import atomic_folder
    from fashion_edge.render import render_dataset

    folder = Path(tempfile.gettempdir()) / f"fashion-train-rendered-{PHOTOS_PER_COMBINATION}-{seed}"
    if not folder.exists():
        say(f"no --dataset: rendering garments into {folder}")
        with atomic_folder(folder, marker="") as part:
            render_dataset(part, PHOTOS_PER_COMBINATION, seed)
    return folder
