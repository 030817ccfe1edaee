"""Exact match on labelled photos, with the same reading, preprocessing and decision as the device."""

from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.backends import Backend
from fashion_edge.bundle import Manifest
from fashion_edge.decide import decide
from fashion_edge.errors import DatasetError, ImageError
from fashion_edge.folder_name import read_folder_name
from fashion_edge.images import find_images, read_image
from fashion_edge.preprocess import preprocess


def labelled_photos(folder: Path, labels: tuple[str, ...]) -> list[tuple[Path, frozenset[str]]]:
    """Photos below `folder` and the labels their folder's name says (`red_dress`: red and dress).

    Raises:
        DatasetError: no such folder, a folder name with a word that is no label, or no photo at all.
    """
    if not folder.is_dir():
        raise DatasetError(f"--photos {folder} is not a folder; give one with folders named like red_dress in it")
    found: list[tuple[Path, frozenset[str]]] = []
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        shown, strangers = read_folder_name(entry.name, labels)
        if strangers:
            raise DatasetError(f"{entry} names {sorted(strangers)}, not among the bundle's labels {', '.join(labels)}")
        found += [(photo, frozenset(shown)) for photo in find_images(entry)]
    if not found:
        raise DatasetError(f"--photos {folder} holds no photo in a folder named like red_dress")
    return found


def measure_accuracy(backend: Backend, manifest: Manifest, folder: Path) -> dict[str, Any]:
    """{"photos", "exact": how many had all labels right and none besides, "exact_match", "unreadable": [names]}."""
    exact, unreadable = 0, []
    photos = labelled_photos(folder, manifest.space.labels)
    for photo, words in photos:
        try:
            picture = preprocess(read_image(photo), manifest.input)
        except ImageError:
            unreadable.append(photo.relative_to(folder).as_posix())
            continue
        scores = backend.run(picture[np.newaxis])[0]
        exact += frozenset(decide(scores, manifest.space).labels) == words
    judged = len(photos) - len(unreadable)
    return {
        "photos": judged,
        "exact": exact,
        "exact_match": exact / judged if judged else None,
        "unreadable": unreadable,
    }
