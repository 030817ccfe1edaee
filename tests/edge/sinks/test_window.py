from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fashion_edge.frame import Event, Tick
from fashion_edge.sinks import window
from fashion_edge.sinks.window import WindowSink


class FakeCv2(SimpleNamespace):
    """The GUI functions of OpenCV: records what it showed, and a test presses its keys. The others are real."""

    def __init__(self) -> None:
        super().__init__(keys=[], shown=[], visible=1.0, open=False)

    def __getattr__(self, name: str) -> object:
        return getattr(cv2, name)

    def namedWindow(self, title: str, flags: int) -> None:  # noqa: N802  # OpenCV's name
        self.open = True

    def resizeWindow(self, title: str, width: int, height: int) -> None:  # noqa: N802
        assert self.open
        self.size = (width, height)

    def imshow(self, title: str, image: np.ndarray) -> None:
        assert self.open
        self.shown.append(image.copy())

    def waitKey(self, ms: int) -> int:  # noqa: N802
        return ord(self.keys.pop(0)) if self.keys else -1

    def getWindowProperty(self, title: str, prop: int) -> float:  # noqa: N802
        return self.visible

    def destroyAllWindows(self) -> None:  # noqa: N802
        self.open = False


@pytest.fixture
def gui(monkeypatch):
    fake = FakeCv2()
    monkeypatch.setattr(window, "cv2", fake)
    return fake


class Clock:
    """Advances by a second with each call."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 13, 0, 0)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def open_window(folder: Path) -> WindowSink:
    return WindowSink(10.0, folder, Clock())


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_a_key_ends_the_run(gui, tmp_path, key, make_result):
    sink = open_window(tmp_path)
    sink.put(make_result())
    assert not sink.stopped
    gui.keys = [key]
    sink.put(make_result())
    assert sink.stopped
    sink.close()
    assert not gui.open


@pytest.mark.parametrize(("width", "size"), [(160, (160, 120)), (2560, (1280, 60))])
def test_the_window_is_as_large_as_the_picture_up_to_a_limit(gui, tmp_path, width, size, make_result):
    open_window(tmp_path).put(make_result(size=(120, width)))
    assert gui.size == size


def test_closing_the_window_ends_the_run_even_while_nothing_comes(gui, tmp_path):
    sink = open_window(tmp_path)
    gui.visible = 0.0
    sink.tick(Tick(0.0))
    assert sink.stopped


def test_s_saves_the_picture_without_the_help_text(gui, tmp_path, make_result):
    sink = open_window(tmp_path)
    gui.keys = ["h", "s", "s"]
    for _ in range(3):
        sink.put(make_result())
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 2
    assert all(name.startswith("fashion-edge_2026-11-23T13-00-0") and name.endswith("_red_dress.jpg") for name in files)
    assert gui.shown[1].std() > 1, "the keys are shown"
    assert cv2.imread(str(tmp_path / files[0])).std() < 1, "and not saved"


def test_s_saves_a_frame_of_forty_labels(gui, tmp_path, make_result):
    sink = open_window(tmp_path)
    gui.keys = ["s"]
    sink.put(make_result(text=" ".join(f"pattern{i:02d}" for i in range(40))))
    (path,) = tmp_path.iterdir()
    assert "_pattern00_pattern01_" in path.name
    assert path.suffix == ".jpg"


def test_r_starts_a_recording_and_ends_it(gui, tmp_path, capsys, make_result):
    sink = open_window(tmp_path)
    gui.keys = ["r", "\xff", "\xff", "r"]
    for index in range(6):
        sink.put(make_result(captured_at=index / 10))
    (path,) = tmp_path.iterdir()
    assert f"recorded {path}" in capsys.readouterr().err
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    sink.close()


def test_a_video_is_finished_at_the_end_of_the_run(gui, tmp_path, make_result):
    sink = open_window(tmp_path)
    gui.keys = ["r"]
    for index in range(4):
        sink.put(make_result(captured_at=index / 10))
    sink.close()
    (path,) = tmp_path.iterdir()
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_a_lost_camera_shows_the_card_which_cannot_be_saved(gui, tmp_path, make_result):
    sink = open_window(tmp_path)
    sink.put(make_result(value=255, size=(480, 640)))
    gui.keys = ["s"]
    sink.event(Event("camera:0", "lost", 1.0, "unplugged"))
    assert gui.shown[-1].shape == (480, 640, 3)
    assert np.median(gui.shown[-1]) < 60
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_key_is_reported_and_the_run_continues(gui, tmp_path, capsys, make_result):
    sink = open_window(tmp_path / "gone")
    gui.keys = ["s"]
    sink.put(make_result())
    assert "key s: [Errno 2]" in capsys.readouterr().err
    assert not sink.stopped


def test_the_gui_build_is_recommended_only_with_a_display(monkeypatch):
    monkeypatch.setattr(window.sys, "platform", "linux")
    monkeypatch.setattr(window.cv2, "currentUIFramework", lambda: "")
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    assert window.why_no_window() == "there is no display (DISPLAY is not set)"
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        with monkeypatch.context() as here:
            here.setenv(name, "x")
            assert window.why_no_window() == (
                "this OpenCV has no GUI (pip uninstall -y opencv-python-headless && pip install 'fashion-edge[window]')"
            )


def test_a_display_that_does_not_answer_is_reported(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(window.cv2, "currentUIFramework", lambda: "QT")
    for display in (":7654", "unix:7654.0", "127.0.0.1:7654"):
        monkeypatch.setenv("DISPLAY", display)
        assert f"the display {display} does not answer" in (window.why_no_window() or "")
