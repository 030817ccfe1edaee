import os
import threading
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.readers import NewestFrameReader
from fashion_edge.sources.device import BACKOFF_S, MAX_CORRUPT, CvCapture, ReopeningSource, Shot

SHOT = np.full((64, 96, 3), 50, np.uint8)


@dataclass
class FakeVideoCapture:
    """OpenCV's VideoCapture on a V4L2 camera."""

    image: np.ndarray | None = None
    grabs: bool = True
    props: dict[int, float] = field(default_factory=dict)
    released: int = 0

    def grab(self) -> bool:
        return self.grabs

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return self.image is not None, self.image

    def getBackendName(self) -> str:  # noqa: N802  # OpenCV's name
        return "V4L2"

    def get(self, prop: int) -> float:
        return self.props.get(prop, 0.0)

    def release(self) -> None:
        self.released += 1


def test_the_clock_of_a_container_without_a_rate_is_not_a_rate():
    webm = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FPS: 1000.0, cv2.CAP_PROP_FRAME_COUNT: 10_000.0})
    capture = CvCapture(webm, "clip.webm")
    assert (capture.fps, capture.frames) == (30.0, 300), "ten seconds"
    phone = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FPS: 960.0, cv2.CAP_PROP_FRAME_COUNT: 960.0})
    assert (CvCapture(phone, "slow.mp4").fps, CvCapture(phone, "slow.mp4").frames) == (960.0, 960)


@pytest.mark.parametrize(("stamp_ms", "expected"), [(99_960.0, 99.96), (5.0, 100.0), (100_500.0, 100.0)])
def test_the_drivers_time_stamp_is_used_on_the_monotonic_clock(stamp_ms, expected):
    camera = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_POS_MSEC: stamp_ms})
    assert CvCapture(camera, "camera:0", clock=lambda: 100.0).read().captured_at == pytest.approx(expected)


def test_frames_that_waited_in_the_driver_keep_their_age():
    now = 100.0
    camera = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_POS_MSEC: 99_960.0})
    capture = CvCapture(camera, "camera:0", clock=lambda: now)
    capture.read()
    now = 112.0  # Ctrl-Z, and fg after twelve seconds: the driver has kept four frames of then
    for stamp in (99_993.0, 100_027.0, 100_060.0, 100_093.0):
        camera.props[cv2.CAP_PROP_POS_MSEC] = stamp
        assert capture.read().captured_at == pytest.approx(stamp / 1000)
    for bad in (112_500.0, 500.0, 0.0):  # in the future, long before the last one, missing
        camera.props[cv2.CAP_PROP_POS_MSEC] = bad
        assert capture.read().captured_at == 112.0


@pytest.mark.parametrize(
    "gone", [FakeVideoCapture(SHOT, grabs=False), FakeVideoCapture(), FakeVideoCapture(np.zeros((0, 0, 3), np.uint8))]
)
def test_an_empty_read_is_not_a_picture(gone):
    assert CvCapture(gone, "camera:0").read() is None


def test_a_corrupt_picture_is_skipped():
    camera = FakeVideoCapture(SHOT)
    corrupt = iter([(True, None), (False, None), (True, np.zeros((0, 0, 3), np.uint8))])
    camera.retrieve = lambda: next(corrupt, (True, SHOT))
    assert CvCapture(camera, "camera:0").read().image is SHOT


def test_an_empty_buffer_is_skipped():
    camera = FakeVideoCapture()
    buffers = iter([b"", cv2.imencode(".jpg", SHOT)[1].tobytes()])
    camera.retrieve = lambda: (True, cv2.imdecode(np.frombuffer(next(buffers), np.uint8), cv2.IMREAD_COLOR))
    shot = CvCapture(camera, "camera:0").read()
    assert shot is not None
    assert shot.image.shape == SHOT.shape


def test_many_corrupt_pictures_or_one_timeout_are_a_loss():
    tries = []
    camera = FakeVideoCapture()
    camera.grab = lambda: bool(tries.append(1)) or True
    assert CvCapture(camera, "camera:0", clock=lambda: 0.0).read() is None
    assert len(tries) == MAX_CORRUPT
    tries.clear()
    every_three_seconds = iter(range(0, 300, 3))
    assert CvCapture(camera, "camera:0", clock=lambda: float(next(every_three_seconds))).read() is None
    assert len(tries) == 1


def test_the_negotiated_mode_is_described():
    props = {
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 30,
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
    }
    assert (
        CvCapture(FakeVideoCapture(SHOT, props=props), "camera:0").describe() == "camera:0: 1280x720 MJPG, 30 frames/s"
    )


def test_giant_frames_are_refused_before_one_is_read():
    giant = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FRAME_WIDTH: 50_000, cv2.CAP_PROP_FRAME_HEIGHT: 50_000})
    with pytest.raises(SourceError, match="declares frames of 50000x50000, above the limit of 64 megapixels"):
        CvCapture(giant, "clip.mp4")
    assert giant.released == 1


def test_a_file_is_read_in_one_call():
    class FakeFile(FakeVideoCapture):
        def read(self):
            return self.retrieve()

        def grab(self):
            raise AssertionError("a second call takes the interpreter lock a second time")

    ticks = iter([100.0, 100.25, 101.0])
    file = FakeFile(SHOT, props={cv2.CAP_PROP_FRAME_COUNT: 2.0})
    capture = CvCapture(file, "clip.mp4", clock=lambda: next(ticks))
    shot = capture.read()
    assert shot is not None
    assert (shot.captured_at, shot.capture_s) == (100.0, 0.25)
    file.image = None
    assert capture.read() is None


class Clock:
    """Advances by each pause, and by one millisecond for each call."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class FakeCapture:
    """A camera that gives so many pictures and is then unplugged; holds a file descriptor, as a real one does."""

    fps = 30.0
    open_now = 0

    def __init__(self, n: int, *, frozen: bool = False, clock: Clock | None = None) -> None:
        self._left, self._frozen, self._clock = n, frozen, clock
        self._fd: int | None = os.open(os.devnull, os.O_RDONLY)
        self._rng = np.random.default_rng(0)
        FakeCapture.open_now += 1

    def read(self) -> Shot | None:
        if self._left == 0:
            return None
        self._left -= 1
        if self._clock:
            self._clock.now += 1 / self.fps
        noise = 0 if self._frozen else self._rng.integers(1, 200)
        return Shot(np.full((48, 64, 3), noise, np.uint8), 0.0)

    def describe(self) -> str:
        return "camera:0: 64x48, 30 frames/s"

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            FakeCapture.open_now -= 1


def kinds(items: list[Item]) -> list[str]:
    return [item.state if isinstance(item, Event) else type(item).__name__ for item in items]


def test_a_camera_without_a_picture_is_an_error_at_the_start():
    with pytest.raises(SourceError, match="camera:0 opens but gives no picture"):
        ReopeningSource("camera:0", lambda: FakeCapture(0))
    assert FakeCapture.open_now == 0


def test_closing_releases_the_camera_before_the_first_frame():
    source = ReopeningSource("camera:0", lambda: FakeCapture(2))
    assert FakeCapture.open_now == 1
    source.items().close()
    assert FakeCapture.open_now == 0


def test_a_loss_is_an_event_between_frames():
    clock = Clock()
    source = ReopeningSource("camera:0", lambda: FakeCapture(2), pause=clock.pause, clock=clock)
    items = list(islice(source.items(), 8))
    assert kinds(items) == ["Frame", "Frame", "lost", "live", "Frame", "Frame", "lost", "live"]
    assert [item.index for item in items if isinstance(item, Frame)] == [0, 1, 2, 3]
    assert "gives no frames; trying to reopen it" in items[2].detail


def test_reopening_uses_backoff_and_reports_each_reason_once():
    clock = Clock()
    cameras = iter([FakeCapture(1), *["camera /dev/video0 does not exist"] * 6, FakeCapture(1)])

    def opener():
        camera = next(cameras)
        if isinstance(camera, str):
            raise SourceError(camera)
        return camera

    items = list(islice(ReopeningSource("camera:0", opener, pause=clock.pause, clock=clock).items(), 9))
    assert kinds(items) == ["Frame", "lost", "lost", "Tick", "Tick", "Tick", "Tick", "Tick", "live"]
    assert clock.pauses == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_only_a_steady_camera_resets_the_backoff():
    def waits(frames_each_time):
        clock = Clock()
        source = ReopeningSource(
            "camera:0", lambda: FakeCapture(frames_each_time, clock=clock), pause=clock.pause, clock=clock
        )
        items = source.items()
        while len(clock.pauses) < 3:
            next(items)
        items.close()
        return clock.pauses

    assert waits(3) == [0.25, 0.5, 1.0]
    assert waits(400) == [0.25, 0.25, 0.25]


def test_a_frozen_feed_is_a_loss_until_another_picture_comes():
    clock = Clock()
    cameras = iter([FakeCapture(1000, frozen=True, clock=clock), FakeCapture(1000, frozen=True), FakeCapture(2)])
    source = ReopeningSource("camera:0", lambda: next(cameras), frozen_s=1.0, pause=clock.pause, clock=clock)
    items = source.items()
    seen: list[Item] = []
    while not (seen and isinstance(seen[-1], Event) and seen[-1].state == "live"):
        seen.append(next(items))
    assert kinds(seen)[-3:] == ["lost", "Tick", "live"]
    assert "gives the same picture for 1 s: frozen, or covered" in seen[-3].detail
    frozen = [item for item in seen if isinstance(item, Frame)]
    assert 25 <= len(frozen) <= 35  # one second of them
    assert next(items).image.max() > 0
    items.close()
    assert FakeCapture.open_now == 0


def test_frozen_feed_detection_can_be_turned_off():
    clock = Clock()
    source = ReopeningSource(
        "camera:0", lambda: FakeCapture(300, frozen=True, clock=clock), frozen_s=0, pause=clock.pause, clock=clock
    )
    assert kinds(list(islice(source.items(), 300))) == ["Frame"] * 300


def test_a_thousand_losses_leak_nothing():
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    clock = Clock()
    before, threads = descriptors(), threading.active_count()
    source = ReopeningSource("camera:0", lambda: FakeCapture(2), pause=lambda _: None, clock=clock)
    with NewestFrameReader(source) as latest:
        states = [item.state for item in islice((i for i in latest if isinstance(i, Event)), 2000)]
    assert states == ["lost", "live"] * 1000
    assert FakeCapture.open_now == 0
    assert descriptors() == before
    assert threading.active_count() == threads


def test_the_time_without_a_camera_does_not_count_as_frozen():
    clock = Clock()
    slides = [FakeCapture(30, frozen=True, clock=clock), FakeCapture(30, frozen=True, clock=clock)]  # a second each
    source = ReopeningSource("camera:0", lambda: slides.pop(0), frozen_s=5.0, pause=clock.pause, clock=clock)
    items = source.items()
    before = list(islice(items, 31))
    clock.now += 20.0  # until the plug is in again
    after = list(islice(items, 31))
    assert kinds(before) == ["Frame"] * 30 + ["lost"]
    assert kinds(after) == ["live"] + ["Frame"] * 30
