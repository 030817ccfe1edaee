"""What the edge tests share: a scratch copy of the shipped bundle, and pictures."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from fashion_edge.backends.litert import LiteRtBackend
from fashion_edge.bundle import load_bundle
from fashion_edge.cli import main
from fashion_edge.decide import Decision, LabelSpace
from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.frame import Box, Frame
from fashion_edge.result import Result

LABELS = ("blue", "dress", "red")


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def no_profile(monkeypatch, tmp_path_factory, session_cache):
    """Ignore the device profile of this machine, and its checks of earlier bundles."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("XDG_CACHE_HOME", session_cache)


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
def start_edge():
    """Start `fashion-edge` as a process of its own, after some code."""

    def start(*argv, code: str = "", **options) -> subprocess.Popen:
        program = f"{code}\nimport sys\nfrom fashion_edge.cli import main\nsys.exit(main())"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", program, *map(str, argv)], text=True, **{**pipes, **options})

    return start


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
def nan_for_black(monkeypatch):
    """Let every TFLite model give NaN for black pictures, after `skip` of them."""
    run, options = LiteRtBackend.run, SimpleNamespace(skip=0)

    def run_or_fail(backend, batch):
        if batch.any():
            return run(backend, batch)
        options.skip -= 1
        return np.full((len(batch), backend.n_labels), np.nan if options.skip < 0 else 0.0, np.float32)

    monkeypatch.setattr(LiteRtBackend, "run", run_or_fail)
    return options


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def space():
    """Three labels in two groups."""
    return LabelSpace(LABELS, {"colour": ("blue", "red"), "garment": ("dress",)}, dict.fromkeys(LABELS, 0.5))


@pytest.fixture
def make_result(space):
    """Build a labelled frame of one colour; `moment` is its time on the stream's clock, as frames of files have it."""

    def make(index=0, text="red dress", *, source="demo", size=(48, 64), value=90, captured_at=0.0, moment=None):
        frame = Frame(np.full((*size, 3), value, np.uint8), index, captured_at, source, stream_at=moment)
        decision = Decision({"colour": "red", "garment": "dress"}, ("dress", "red"), text)
        scores = np.array([0.01, 0.9, 0.8], np.float32)
        return Result(frame, Box(0, 0, size[1], size[0]), scores, scores, decision, 0.01, {"infer": 0.001}, space)

    return make


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
