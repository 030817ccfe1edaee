import re
import threading
from datetime import datetime, timedelta
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


@pytest.fixture
def sink(gui, tmp_path):
    return WindowSink(10.0, tmp_path, Clock())


def put(sink: WindowSink, gui: FakeCv2, results: list, keys: str = "") -> None:
    gui.keys = list(keys)
    for result in results:
        sink.put(result)


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_a_key_ends_the_run(sink, gui, make_result, key):
    put(sink, gui, [make_result()])
    assert not sink.stopped
    put(sink, gui, [make_result()], key)
    assert sink.stopped
    sink.close()
    assert not gui.open


@pytest.mark.parametrize(("width", "size"), [(160, (160, 120)), (2560, (1280, 60))])
def test_the_window_is_as_large_as_the_picture_up_to_a_limit(sink, gui, make_result, width, size):
    put(sink, gui, [make_result(size=(120, width))])
    assert gui.size == size


def test_closing_the_window_ends_the_run_even_while_nothing_comes(sink, gui):
    gui.visible = 0.0
    sink.tick(Tick(0.0))
    assert sink.stopped


def test_s_saves_the_picture_without_the_help_text(sink, gui, tmp_path, make_result):
    put(sink, gui, [make_result()] * 3, "hss")
    one, two = sorted(tmp_path.iterdir())
    assert all(re.fullmatch(r"fashion-edge_2026-11-23T13-00-0.*_red_dress\.jpg", path.name) for path in (one, two))
    assert gui.shown[1].std() > 1, "the keys are shown"
    assert cv2.imread(str(one)).std() < 1, "and not saved"


def test_s_saves_a_frame_of_forty_labels(sink, gui, tmp_path, make_result):
    put(sink, gui, [make_result(text=" ".join(f"pattern{i:02d}" for i in range(40)))], "s")
    (path,) = tmp_path.iterdir()
    assert "_pattern00_pattern01_" in path.name
    assert path.suffix == ".jpg"


@pytest.mark.parametrize(("keys", "frames"), [("r\xff\xffr", 6), ("r", 4)], ids=["r again", "end of the run"])
def test_r_starts_a_recording_that_has_two_ends(sink, gui, tmp_path, capsys, make_result, keys, frames):
    put(sink, gui, [make_result(captured_at=index / 10) for index in range(frames)], keys)
    sink.close()
    (path,) = tmp_path.iterdir()
    assert f"recorded {path}" in capsys.readouterr().err
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_a_lost_camera_shows_the_card_which_cannot_be_saved(sink, gui, tmp_path, make_result):
    put(sink, gui, [make_result(value=255, size=(480, 640))])
    gui.keys = ["s"]
    sink.event(Event("camera:0", "lost", 1.0, "unplugged"))
    assert gui.shown[-1].shape == (480, 640, 3)
    assert np.median(gui.shown[-1]) < 60
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_key_is_reported_and_the_run_continues(sink, gui, tmp_path, capsys, make_result):
    tmp_path.rmdir()
    put(sink, gui, [make_result()], "s")
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


def test_another_thread_does_not_close_the_window_for_which_qt_would_wait(gui):
    sink = WindowSink(30.0)
    thread = threading.Thread(target=sink.close)
    thread.start()
    thread.join()
    assert gui.open
    sink.close()
    assert not gui.open
