import os
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.readers import NewestFrameReader
from fashion_edge.sources.device import BACKOFF_S, ReopeningSource, Shot


class Clock:
    """Stands still but for what is paused, and for one millisecond a look."""

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


def test_a_camera_that_opens_but_gives_no_picture_is_refused_at_the_start() -> None:
    with pytest.raises(SourceError, match="camera:0 opens but gives no picture"):
        ReopeningSource("camera:0", lambda: FakeCapture(0))
    assert FakeCapture.open_now == 0


def test_closing_gives_the_camera_back_though_no_frame_was_taken() -> None:
    source = ReopeningSource("camera:0", lambda: FakeCapture(2))
    assert FakeCapture.open_now == 1
    source.items().close()
    assert FakeCapture.open_now == 0


def test_a_loss_is_told_and_no_frame_is_invented() -> None:
    clock = Clock()
    source = ReopeningSource("camera:0", lambda: FakeCapture(2), pause=clock.pause, clock=clock)
    items = list(islice(source.items(), 8))
    assert kinds(items) == ["Frame", "Frame", "lost", "live", "Frame", "Frame", "lost", "live"]
    assert [item.index for item in items if isinstance(item, Frame)] == [0, 1, 2, 3]
    assert "gives no frames; trying to reopen it" in items[2].detail


def test_waits_grow_while_it_does_not_come_back_and_each_reason_is_told_once() -> None:
    clock = Clock()
    cameras = iter([FakeCapture(1), *["camera /dev/video0 does not exist"] * 6, FakeCapture(1)])

    def opener() -> FakeCapture:
        camera = next(cameras)
        if isinstance(camera, str):
            raise SourceError(camera)
        return camera

    items = list(islice(ReopeningSource("camera:0", opener, pause=clock.pause, clock=clock).items(), 9))
    assert kinds(items) == ["Frame", "lost", "lost", "Tick", "Tick", "Tick", "Tick", "Tick", "live"]
    assert clock.pauses == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_a_loose_plug_does_not_start_again_with_the_shortest_wait_but_a_steady_camera_does() -> None:
    def waits(frames_each_time: int) -> list[float]:
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


def test_the_same_picture_for_too_long_is_a_loss_until_another_one_comes() -> None:
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


def test_a_still_picture_can_be_accepted() -> None:
    clock = Clock()
    source = ReopeningSource(
        "camera:0", lambda: FakeCapture(300, frozen=True, clock=clock), frozen_s=0, pause=clock.pause, clock=clock
    )
    assert kinds(list(islice(source.items(), 300))) == ["Frame"] * 300


def test_a_thousand_losses_leak_nothing() -> None:
    def descriptors() -> int:
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


def test_the_time_that_a_camera_was_away_is_no_time_in_which_its_picture_stood_still() -> None:
    clock = Clock()
    slides = [FakeCapture(30, frozen=True, clock=clock), FakeCapture(30, frozen=True, clock=clock)]  # a second each
    source = ReopeningSource("camera:0", lambda: slides.pop(0), frozen_s=5.0, pause=clock.pause, clock=clock)
    items = source.items()
    before = list(islice(items, 31))
    clock.now += 20.0  # until the plug is in again
    after = list(islice(items, 31))
    assert kinds(before) == ["Frame"] * 30 + ["lost"]
    assert kinds(after) == ["live"] + ["Frame"] * 30
