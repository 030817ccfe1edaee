"""What the edge tests share: a scratch copy of the shipped bundle, and pictures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.cli import main
from fashion_edge.defaults import SHIPPED_BUNDLE


@pytest.fixture(autouse=True)
def no_profile(monkeypatch, tmp_path_factory):
    """Ignore the device profile of this machine."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture(scope="session")
def shipped():
    return load_bundle(SHIPPED_BUNDLE)


@pytest.fixture
def bundle_copy(tmp_path):
    """A bundle that a test may damage."""
    return Path(shutil.copytree(SHIPPED_BUNDLE, tmp_path / "bundle"))


class Finished(NamedTuple):
    """What a run of `fashion-edge` left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_edge(capsys):
    """Run `fashion-edge` in this process."""

    def run(*argv) -> Finished:
        return Finished(main([str(one) for one in argv]), *capsys.readouterr())

    return run


@pytest.fixture
def run_demo(run_edge):
    """Run `fashion-edge` on every one of the first frames of the demo."""

    def run(frames: int, *argv) -> Finished:
        return run_edge("--source", "demo", "--every-frame", "--frames", frames, "--headless", *argv)

    return run


@pytest.fixture
def edit_manifest(bundle_copy):
    """Change the manifest of the copied bundle in place."""

    def edit(change: Callable[[dict], None]) -> Path:
        file = bundle_copy / "manifest.json"
        data = json.loads(file.read_text())
        change(data)
        file.write_text(json.dumps(data))
        return bundle_copy

    return edit


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)


@pytest.fixture
def photo_folder(tmp_path):
    """Three photos in two folders, and another file."""
    folder = tmp_path / "photos"
    for name, colour in (("a/1.png", (0, 0, 200)), ("a/2.jpg", (200, 0, 0)), ("b/1.jpeg", (20, 20, 20))):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((120, 90, 3), colour, np.uint8))
    (folder / "notes.txt").write_text("not a picture")
    return folder
