import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, islice, takewhile
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.readers import NewestFrameReader
from fashion_edge.sources.device import BACKOFF_S, MAX_CORRUPT, CvCapture, ReopeningSource, Shot
from fashion_edge.sources.feed import LATE_S

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


@pytest.mark.parametrize(("fps", "count", "expected"), [(1000.0, 10_000, (30.0, 300)), (960.0, 960, (960.0, 960))])
def test_the_clock_of_a_container_without_a_rate_is_not_a_rate(fps, count, expected):
    capture = CvCapture(camera(CAP_PROP_FPS=fps, CAP_PROP_FRAME_COUNT=count), "clip.webm")
    assert (capture.fps, capture.frames) == expected


@pytest.mark.parametrize(("stamp_ms", "expected"), [(99_960.0, 99.96), (5.0, 100.0), (100_500.0, 100.0)])
def test_the_drivers_time_stamp_is_used_on_the_monotonic_clock(stamp_ms, expected):
    capture = CvCapture(camera(CAP_PROP_POS_MSEC=stamp_ms), "camera:0", clock=lambda: 100.0)
    assert capture.read().captured_at == pytest.approx(expected)


def test_frames_that_waited_in_the_driver_keep_their_age():
    now, device = 100.0, camera(CAP_PROP_POS_MSEC=99_960.0)
    capture = CvCapture(device, "camera:0", clock=lambda: now)
    capture.read()
    now = 112.0  # Ctrl-Z, and fg after twelve seconds: the driver has kept four frames of then
    for stamp in (99_993.0, 100_027.0, 100_060.0, 100_093.0):
        device.props[cv2.CAP_PROP_POS_MSEC] = stamp
        assert capture.read().captured_at == pytest.approx(stamp / 1000)
    for bad in (112_500.0, 500.0, 0.0):  # in the future, long before the last one, missing
        device.props[cv2.CAP_PROP_POS_MSEC] = bad
        assert capture.read().captured_at == 112.0


EMPTY = np.zeros((0, 0, 3), np.uint8)


@pytest.mark.parametrize("gone", [FakeVideoCapture(SHOT, grabs=False), FakeVideoCapture(), FakeVideoCapture(EMPTY)])
def test_an_empty_read_is_not_a_picture(gone):
    assert CvCapture(gone, "camera:0").read() is None


def test_a_corrupt_picture_and_an_empty_buffer_are_skipped():
    device = camera()
    corrupt = iter([(True, None), (False, None), (True, EMPTY)])
    device.retrieve = lambda: next(corrupt, (True, SHOT))
    assert CvCapture(device, "camera:0").read().image is SHOT
    buffers = iter([b"", cv2.imencode(".jpg", SHOT)[1].tobytes()])
    device.retrieve = lambda: (True, cv2.imdecode(np.frombuffer(next(buffers), np.uint8), cv2.IMREAD_COLOR))
    assert CvCapture(device, "camera:0").read().image.shape == SHOT.shape


@pytest.mark.parametrize(("step_s", "reads"), [(0, MAX_CORRUPT), (3, 1)], ids=["many corrupt pictures", "a timeout"])
def test_many_corrupt_pictures_or_one_timeout_are_a_loss(step_s, reads):
    device, tries, ticks = FakeVideoCapture(), [], count(0.0, step_s)
    device.grab = lambda: tries.append(1) is None
    assert CvCapture(device, "camera:0", clock=ticks.__next__).read() is None
    assert len(tries) == reads


def test_the_negotiated_mode_is_described():
    size = {"CAP_PROP_FRAME_WIDTH": 1280, "CAP_PROP_FRAME_HEIGHT": 720}
    device = camera(**size, CAP_PROP_FPS=30, CAP_PROP_FOURCC=cv2.VideoWriter.fourcc(*"MJPG"))
    assert CvCapture(device, "camera:0").describe() == "camera:0: 1280x720 MJPG, 30 frames/s"


def test_giant_frames_are_refused_before_one_is_read():
    giant = camera(CAP_PROP_FRAME_WIDTH=50_000, CAP_PROP_FRAME_HEIGHT=50_000)
    with pytest.raises(SourceError, match="declares frames of 50000x50000, above the limit of 64 megapixels"):
        CvCapture(giant, "clip.mp4")
    assert giant.released == 1


def test_a_file_is_read_in_one_call():
    """A second call would take the interpreter lock a second time."""
    ticks, file = iter([100.0, 100.25, 101.0]), camera(CAP_PROP_FRAME_COUNT=2.0)
    file.grab, file.read = lambda: pytest.fail("a second call"), file.retrieve
    capture = CvCapture(file, "clip.mp4", clock=lambda: next(ticks))
    shot = capture.read()
    assert (shot.captured_at, shot.capture_s) == (100.0, 0.25)
    file.image = None
    assert capture.read() is None


def camera(**props: float) -> FakeVideoCapture:
    return FakeVideoCapture(SHOT, props={getattr(cv2, name): value for name, value in props.items()})


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
        return Shot(np.full((48, 64, 3), noise, np.uint8), self._clock.now if self._clock else time.monotonic())

    def describe(self) -> str:
        return "camera:0: 64x48, 30 frames/s"

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            FakeCapture.open_now -= 1


def kinds(items: Iterable[Item]) -> list[str]:
    return [item.state if isinstance(item, Event) else type(item).__name__ for item in items]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reopening(clock):
    """Make a source that opens these cameras one after another, or whatever a function opens."""

    def make(cameras, **options) -> ReopeningSource:
        opener = cameras if callable(cameras) else partial(next, iter(cameras))
        return ReopeningSource("camera:0", opener, pause=clock.pause, clock=clock, **options)

    return make


def test_a_camera_without_a_picture_is_an_error_at_the_start(reopening):
    with pytest.raises(SourceError, match="camera:0 opens but gives no picture; plug it in again"):
        reopening(lambda: FakeCapture(0))
    assert FakeCapture.open_now == 0


def test_the_advice_for_a_stream_fits_an_address():
    with pytest.raises(SourceError, match=r"rtsp://c/live opens but gives no picture; restart its sender"):
        ReopeningSource("rtsp://c/live", lambda: FakeCapture(0))


def test_closing_releases_the_camera_before_the_first_frame(reopening):
    source = reopening(lambda: FakeCapture(2))
    assert FakeCapture.open_now == 1
    source.items().close()
    assert FakeCapture.open_now == 0


def test_a_loss_is_an_event_between_frames(reopening):
    items = list(islice(reopening(lambda: FakeCapture(2)).items(), 8))
    assert kinds(items) == ["Frame", "Frame", "lost", "live", "Frame", "Frame", "lost", "live"]
    assert [item.index for item in items if isinstance(item, Frame)] == [0, 1, 2, 3]
    assert "gives no frames; trying to reopen it" in items[2].detail


def test_reopening_uses_backoff_and_reports_each_reason_once(reopening, clock):
    cameras = iter([FakeCapture(1), *["camera /dev/video0 does not exist"] * 6, FakeCapture(1)])

    def opener():
        camera = next(cameras)
        if isinstance(camera, str):
            raise SourceError(camera)
        return camera

    seen = kinds(islice(reopening(opener).items(), 9))
    assert seen == ["Frame", "lost", "lost", "Tick", "Tick", "Tick", "Tick", "Tick", "live"]
    assert clock.pauses == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


@pytest.mark.parametrize(("frames_each_time", "waits"), [(3, [0.25, 0.5, 1.0]), (400, [0.25, 0.25, 0.25])])
def test_only_a_steady_camera_resets_the_backoff(reopening, clock, frames_each_time, waits):
    items = reopening(lambda: FakeCapture(frames_each_time, clock=clock)).items()
    while len(clock.pauses) < 3:
        next(items)
    items.close()
    assert clock.pauses == waits


def test_a_frozen_feed_is_a_loss_until_another_picture_comes(reopening, clock):
    frozen = FakeCapture(1000, frozen=True, clock=clock), FakeCapture(1000, frozen=True)
    items = reopening([*frozen, FakeCapture(2)], frozen_s=1.0).items()
    seen = list(takewhile(lambda item: kinds([item]) != ["live"], items))
    assert kinds(seen)[-2:] == ["lost", "Tick"]
    assert "gives the same picture for 1 s: frozen, or covered" in seen[-2].detail
    assert 25 <= kinds(seen).count("Frame") <= 35  # one second of them
    assert next(items).image.max() > 0
    items.close()
    assert FakeCapture.open_now == 0


def test_frozen_feed_detection_can_be_turned_off(reopening, clock):
    source = reopening(lambda: FakeCapture(300, frozen=True, clock=clock), frozen_s=0)
    assert kinds(islice(source.items(), 300)) == ["Frame"] * 300


def test_the_time_without_a_camera_does_not_count_as_frozen(reopening, clock):
    slides = [FakeCapture(30, frozen=True, clock=clock), FakeCapture(30, frozen=True, clock=clock)]  # a second each
    items = reopening(slides, frozen_s=5.0).items()
    assert kinds(islice(items, 31)) == ["Frame"] * 30 + ["lost"]
    clock.now += 20.0  # until the plug is in again
    assert kinds(islice(items, 31)) == ["live"] + ["Frame"] * 30


def test_a_thousand_losses_leak_nothing(reopening):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    before, threads = descriptors(), threading.active_count()
    with NewestFrameReader(reopening(lambda: FakeCapture(2))) as latest:
        states = [item.state for item in islice((i for i in latest if isinstance(i, Event)), 2000)]
    assert states == ["lost", "live"] * 1000
    assert (FakeCapture.open_now, descriptors(), threading.active_count()) == (0, before, threads)


class SlowCapture(FakeCapture):
    """A stream whose frames are read at half their rate: each is later than the one before."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(1_000_000, clock=clock)
        self._opened_at = clock.now

    def read(self) -> Shot | None:
        shot, now = super().read(), self._clock.now
        return Shot(shot.image, now - (now - self._opened_at) / 2)


def test_a_stream_that_comes_too_fast_is_lagging_and_reopened_and_its_late_frames_are_skipped(clock):
    source = ReopeningSource("rtsp://camera", lambda: SlowCapture(clock), frozen_s=0, pause=clock.pause, clock=clock)
    items = []
    for item in source.items():
        if isinstance(item, Frame):
            assert clock.now - item.captured_at <= LATE_S
        items.append(item)
        if len(clock.pauses) == 3:
            break
    events = [item for item in items if isinstance(item, Event)]
    assert [event.state for event in events] == ["lagging", "live", "lagging", "live", "lagging"]
    assert "rtsp://camera is 2.0 s behind: its frames come faster than this machine reads them" in events[0].detail


def test_a_stream_that_catches_up_is_not_reopened(clock):
    ages = iter([0.1] * 10 + [5.0, 4.0, 3.0, 1.0] + [0.1] * 200)
    device = FakeCapture(200, clock=clock)
    device.read = lambda read=device.read: replace(read(), captured_at=clock.now - next(ages))
    source = ReopeningSource("rtsp://camera", lambda: device, pause=clock.pause, clock=clock)
    items = list(islice(source.items(), 150))
    assert kinds(item for item in items if isinstance(item, Event)) == ["lagging", "live"]
    assert len([item for item in items if isinstance(item, Frame)]) == 145, "three late ones are skipped"
    assert clock.pauses == []


def test_every_frame_of_a_late_stream_is_given_when_asked_for(clock):
    source = ReopeningSource("rtsp://camera", lambda: SlowCapture(clock), live=False, pause=clock.pause, clock=clock)
    assert all(isinstance(item, Frame) for item in islice(source.items(), 500))
