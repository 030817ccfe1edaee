import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Box, Event, Fault, Frame, Item, ModelInput, Tick
from fashion_edge.readers import DEPTH, NewestFrameReader, PrefetchReader

LOST, LIVE = Event("fake", "lost", 1.0, "unplugged"), Event("fake", "live", 2.0, "back")


def view(frame: Frame) -> ModelInput:
    return ModelInput(frame, Box(0, 0, 2, 2), frame.image[::-1], 0.0)


class FileSource:
    """So many frames, and an error behind them where there is one; counts what was read."""

    name, live, ahead, still, fps = "clip", False, True, False, 30.0

    def __init__(self, n: int, error: Exception | None = None, wait: Callable[[], object] = lambda: None) -> None:
        self.read, self.closed, self.wait = 0, False, wait
        self._n, self._error = n, error

    def items(self) -> Generator[Item, None, None]:
        try:
            for i in range(self._n):
                self.wait()
                self.read += 1
                yield frame(i)
            if self._error:
                raise self._error
        finally:
            self.closed = True

    def describe(self) -> str:
        return "clip"


def index(item: Frame | ModelInput) -> int:
    return item.index if isinstance(item, Frame) else item.frame.index


def frames(ahead: PrefetchReader) -> Iterator[Item | ModelInput]:
    """Without the ticks that a busy machine may bring at any place."""
    return (item for item in ahead if not isinstance(item, Tick))


def test_every_frame_comes_once_in_order():
    with PrefetchReader(FileSource(500).items, view) as ahead:
        assert [index(item) for item in frames(ahead)] == list(range(500))


def test_frames_are_prepared_while_the_loop_is_behind():
    ready = threading.Semaphore(1)
    with PrefetchReader(FileSource(DEPTH + 1, wait=ready.acquire).items, view) as ahead:
        items = frames(ahead)
        assert isinstance(next(items), Frame)
        ready.release(DEPTH)
        while ahead.waiting < DEPTH:
            time.sleep(0.001)
        assert [type(next(items)) for _ in range(DEPTH)] == [Frame, Frame] + [ModelInput] * (DEPTH - 2)


def test_few_frames_are_prefetched_and_leaving_early_closes_the_source_and_its_thread():
    source, threads = FileSource(1000), threading.active_count()
    with PrefetchReader(source.items, view) as ahead:
        assert len(list(islice(frames(ahead), 10))) == 10
    assert source.read <= 10 + DEPTH + 2
    assert source.closed
    assert threading.active_count() == threads


def test_an_error_comes_after_the_frames_before_it():
    with PrefetchReader(FileSource(2, SourceError("the disk is gone")).items, view) as ahead:
        items = frames(ahead)
        assert [index(next(items)), index(next(items))] == [0, 1]
        with pytest.raises(SourceError, match="the disk is gone"):
            next(items)


def test_an_error_while_preparing_reaches_the_loop():
    def broken(frame):
        raise ValueError("a frame is (h, w, 3) uint8")

    with PrefetchReader(FileSource(9).items, broken) as ahead:
        while ahead.waiting < 2:
            time.sleep(0.001)
        with pytest.raises(ValueError, match="a frame is"):
            list(ahead)


def test_other_items_are_passed_unchanged():
    source, fault = FileSource(0), Fault("clip", 0, "cannot be read")
    source.items = lambda: (item for item in [fault])
    with PrefetchReader(source.items, view) as ahead:
        assert list(frames(ahead)) == [fault]


def test_ticks_come_while_a_slow_file_gives_no_frame():
    seen = threading.Event()
    with PrefetchReader(FileSource(1, wait=seen.wait).items, view) as ahead:
        items = iter(ahead)
        assert isinstance(next(items), Tick)
        seen.set()
        assert [index(item) for item in items if not isinstance(item, Tick)] == [0]


def frame(index: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), index, float(index), "fake")


class StagedSource:
    """Gives one batch of items at once each time the test says so."""

    name, live, still, fps = "fake", True, False, 30.0

    def __init__(self, *batches: list[Item | Exception]) -> None:
        self._batches = batches
        self.go = [threading.Event() for _ in batches]
        self.done = [threading.Event() for _ in batches]
        self.closed = threading.Event()

    def items(self) -> Generator[Item, None, None]:
        try:
            for batch, go, done in zip(self._batches, self.go, self.done, strict=True):
                go.wait(5)
                for item in batch:
                    if isinstance(item, Exception):
                        raise item
                    yield item
                done.set()
        finally:
            self.closed.set()

    def describe(self) -> str:
        return "fake"


def test_the_newest_frame_wins_and_what_it_replaced_is_counted():
    source = StagedSource([frame(0), frame(1), frame(2)], [frame(3)])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        source.done[0].wait(5)
        items = iter(latest)
        assert next(items).index == 2
        assert latest.dropped == 2
        source.go[1].set()
        assert [item.index for item in items] == [3]
    assert source.closed.is_set()


@contextmanager
def read_batch(*batch: Item | Exception) -> Iterator[NewestFrameReader]:
    """A reader of a source that has given all it has."""
    source = StagedSource(list(batch))
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        source.closed.wait(5)
        yield latest


def test_faults_and_events_are_never_dropped():
    with read_batch(frame(0), LOST, frame(1), Fault("fake", 1, "broken"), frame(2)) as latest:
        assert [type(item).__name__ for item in latest] == ["Event", "Fault", "Frame"]


def test_an_error_in_the_source_reaches_the_loop_after_the_last_frame():
    with read_batch(frame(0), SourceError("the cable is out")) as latest:
        items = iter(latest)
        assert next(items).index == 0
        with pytest.raises(SourceError, match="the cable is out"):
            next(items)


def test_leaving_early_closes_the_source():
    source = StagedSource([frame(0)], [frame(1), frame(2)])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        assert next(iter(latest)).index == 0
        threading.Timer(0.05, source.go[1].set).start()
    assert source.closed.wait(5)


def test_a_read_that_hangs_is_a_loss_until_a_frame_comes():
    source = StagedSource([frame(0)], [frame(1)])
    with NewestFrameReader(source, stall_s=0.15) as latest:
        source.go[0].set()
        items = (item for item in latest if not isinstance(item, Tick))
        assert next(items).index == 0
        lost = next(items)
        assert (lost.state, lost.detail) == ("lost", "no frame for 0.15 s: the read hangs")
        source.go[1].set()
        assert next(items).state == "live"
        assert next(items).index == 1


def test_a_source_that_skips_late_frames_does_not_hang():
    late = Event("fake", "lagging", 0.0, "3 s behind")
    source = StagedSource([late], *[[Tick(0.0)]] * 6, [frame(0)])
    with NewestFrameReader(source, stall_s=0.15) as latest:
        for number, stage in enumerate(source.go):
            threading.Timer(0.05 * number, stage.set).start()
        seen = [item.state if isinstance(item, Event) else item.index for item in latest if not isinstance(item, Tick)]
    assert seen == ["lagging", 0]


def test_a_source_that_lags_still_lags_after_a_read_that_hung():
    source = StagedSource([Event("fake", "lagging", 0.0, "3 s behind")], [frame(0)])
    with NewestFrameReader(source, stall_s=0.15) as latest:
        source.go[0].set()
        threading.Timer(0.4, source.go[1].set).start()
        assert [item.state for item in latest if isinstance(item, Event)] == ["lagging", "lost", "lagging"]


def test_a_loss_is_reported_once():
    source = StagedSource([LOST], [LIVE, frame(0)])
    with NewestFrameReader(source, stall_s=0.15) as latest:
        source.go[0].set()
        items = iter(latest)
        seen = [next(items) for _ in range(5)]
        assert [type(item).__name__ for item in seen] == ["Event"] + ["Tick"] * 4
        source.go[1].set()
        assert [item.state for item in items if isinstance(item, Event)] == ["live"]


def test_a_frame_from_before_a_loss_is_dropped():
    with read_batch(frame(0), LOST, LIVE, frame(1)) as latest:
        seen = [item.state if isinstance(item, Event) else item.index for item in latest]
    assert seen == ["lost", "live", 1]
    assert latest.dropped == 1


def test_an_item_that_came_while_the_outputs_waited_is_neither_lost_nor_repeated():
    with PrefetchReader(FileSource(50).items, view) as ahead:
        seen = []
        for item in frames(ahead):
            seen.append(index(item))
            ahead.settle()
            ahead.settle()
        assert seen == list(range(50))


def test_an_error_that_came_while_the_outputs_waited_is_raised():
    with PrefetchReader(FileSource(1, SourceError("the disk is gone")).items, view) as ahead:
        items = frames(ahead)
        next(items)
        ahead.settle()
        with pytest.raises(SourceError, match="the disk is gone"):
            next(items)
