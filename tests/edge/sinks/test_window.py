from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fashion_edge.decide import Decision
from fashion_edge.frame import Box, Event, Frame, Tick
from fashion_edge.result import Result
from fashion_edge.sinks import window
from fashion_edge.sinks.window import WindowSink


class FakeCv2(SimpleNamespace):
    """The GUI half of OpenCV: remembers what it showed, and a test presses its keys. The other half is real."""

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
def gui(monkeypatch: pytest.MonkeyPatch) -> FakeCv2:
    fake = FakeCv2()
    monkeypatch.setattr(window, "cv2", fake)
    return fake


class Clock:
    """Later by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 13, 0, 0)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def open_window(folder: Path) -> WindowSink:
    return WindowSink(10.0, folder, Clock())


def result(value: int = 90, text: str = "red dress", width: int = 160, moment: float = 0.0) -> Result:
    frame = Frame(np.full((120, width, 3), value, np.uint8), 0, moment, "demo")
    scores = np.array([0.9], np.float32)
    return Result(frame, Box(0, 0, 160, 120), scores, scores, Decision({}, (), text), 0.01, {}, ("red",))


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_a_key_ends_the_run(gui: FakeCv2, tmp_path: Path, key: str) -> None:
    sink = open_window(tmp_path)
    sink.put(result())
    assert not sink.stopped
    gui.keys = [key]
    sink.put(result())
    assert sink.stopped
    sink.close()
    assert not gui.open


@pytest.mark.parametrize(("width", "size"), [(160, (160, 120)), (2560, (1280, 60))])
def test_it_opens_as_large_as_the_picture_within_reason(
    gui: FakeCv2, tmp_path: Path, width: int, size: tuple[int, int]
) -> None:
    open_window(tmp_path).put(result(width=width))
    assert gui.size == size


def test_closing_the_window_ends_the_run_even_while_nothing_comes(gui: FakeCv2, tmp_path: Path) -> None:
    sink = open_window(tmp_path)
    gui.visible = 0.0
    sink.tick(Tick(0.0))
    assert sink.stopped


def test_s_saves_what_is_seen_and_h_is_no_part_of_it(gui: FakeCv2, tmp_path: Path) -> None:
    sink = open_window(tmp_path)
    gui.keys = ["h", "s", "s"]
    for _ in range(3):
        sink.put(result())
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 2
    assert all(name.startswith("fashion-edge_2026-11-23T13-00-0") and name.endswith("_red_dress.jpg") for name in files)
    assert gui.shown[1].std() > 1, "the keys are shown"
    assert cv2.imread(str(tmp_path / files[0])).std() < 1, "and not saved"


def test_s_saves_a_frame_of_forty_labels(gui: FakeCv2, tmp_path: Path) -> None:
    sink = open_window(tmp_path)
    gui.keys = ["s"]
    sink.put(result(text=" ".join(f"pattern{i:02d}" for i in range(40))))
    (path,) = tmp_path.iterdir()
    assert "_pattern00_pattern01_" in path.name
    assert path.suffix == ".jpg"


def test_r_starts_a_recording_and_ends_it(gui: FakeCv2, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    sink = open_window(tmp_path)
    gui.keys = ["r", "\xff", "\xff", "r"]
    for index in range(6):
        sink.put(result(moment=index / 10))
    (path,) = tmp_path.iterdir()
    assert f"recorded {path}" in capsys.readouterr().err
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    sink.close()


def test_a_recording_that_still_runs_at_the_end_is_whole(gui: FakeCv2, tmp_path: Path) -> None:
    sink = open_window(tmp_path)
    gui.keys = ["r"]
    for index in range(4):
        sink.put(result(moment=index / 10))
    sink.close()
    (path,) = tmp_path.iterdir()
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_a_lost_camera_is_a_card_of_the_same_size_and_cannot_be_saved(gui: FakeCv2, tmp_path: Path) -> None:
    sink = open_window(tmp_path)
    sink.put(result(255))
    gui.keys = ["s"]
    sink.event(Event("camera:0", "lost", 1.0, "unplugged"))
    assert gui.shown[-1].shape == (120, 160, 3)
    assert np.median(gui.shown[-1]) < 60
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_and_the_window_stays(
    gui: FakeCv2, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    sink = open_window(tmp_path / "gone")
    gui.keys = ["s"]
    sink.put(result())
    assert "key s: [Errno 2]" in capsys.readouterr().err
    assert not sink.stopped


def test_a_build_with_a_gui_is_advised_only_where_there_is_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_display_of_a_session_that_ended_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(window.cv2, "currentUIFramework", lambda: "QT")
    for display in (":7654", "unix:7654.0", "127.0.0.1:7654"):
        monkeypatch.setenv("DISPLAY", display)
        assert f"the display {display} does not answer" in (window.why_no_window() or "")
