"""The data set when none is given: rendered garments."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from fashion_edge.console import say
from fashion_edge.errors import OutputExistsError, UsageError

PHOTOS_PER_COMBINATION = 150
MARKER = "rendered.txt"


def rendered_dataset(seed: int) -> Path:
    """A folder of rendered photos, made once for each seed, below the temporary folder, where others may write, too.

    Raises:
        UsageError: what lies there was not made by this user's fashion-train.
    """
    from fashion_edge.atomic import atomic_folder, refuse_existing_folder
    from fashion_edge.render import render_dataset

    folder = Path(tempfile.gettempdir()) / f"fashion-train-garments-{PHOTOS_PER_COMBINATION}-{seed}"
    if not folder.exists():
        say(f"no --dataset: rendering garments into {folder}")
        # where another training rendered the same meanwhile, its folder serves both
        with suppress(OutputExistsError), atomic_folder(folder, marker=MARKER) as part:
            render_dataset(part, PHOTOS_PER_COMBINATION, seed)
            (part / MARKER).write_text("Rendered by fashion-train where no --dataset was given; may be deleted.\n")
            refuse_existing_folder(folder, marker=MARKER, overwrite=False)
    if not (folder / MARKER).is_file() or folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} was not rendered by your fashion-train; delete it, or give --dataset")
    return folder
