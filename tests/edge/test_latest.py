import threading
from collections.abc import Generator

import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Fault, Frame, Item, Tick
from fashion_edge.readers import NewestFrameReader


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


def test_the_newest_frame_wins_and_what_it_replaced_is_counted() -> None:
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


def test_faults_and_events_are_never_dropped() -> None:
    lost, fault = Event("fake", "lost", 1.0, "gone"), Fault("fake", 1, "broken")
    source = StagedSource([frame(0), lost, frame(1), fault, frame(2)])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        source.closed.wait(5)
        assert [type(item).__name__ for item in latest] == ["Event", "Fault", "Frame"]


def test_an_error_in_the_source_reaches_the_loop_after_the_last_frame() -> None:
    source = StagedSource([frame(0), SourceError("the cable is out")])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        source.closed.wait(5)
        items = iter(latest)
        assert next(items).index == 0
        with pytest.raises(SourceError, match="the cable is out"):
            next(items)


def test_leaving_early_closes_the_source() -> None:
    source = StagedSource([frame(0)], [frame(1), frame(2)])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        assert next(iter(latest)).index == 0
        threading.Timer(0.05, source.go[1].set).start()
    assert source.closed.wait(5)


def test_a_read_that_hangs_is_a_loss_until_a_frame_comes() -> None:
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


def test_a_loss_that_the_source_told_is_not_told_twice() -> None:
    lost = Event("fake", "lost", 1.0, "unplugged")
    source = StagedSource([lost], [Event("fake", "live", 2.0, "back"), frame(0)])
    with NewestFrameReader(source, stall_s=0.15) as latest:
        source.go[0].set()
        items = iter(latest)
        seen = [next(items) for _ in range(5)]
        assert [type(item).__name__ for item in seen] == ["Event"] + ["Tick"] * 4
        source.go[1].set()
        assert [item.state for item in items if isinstance(item, Event)] == ["live"]


def test_a_frame_from_before_a_loss_is_not_shown_after_it() -> None:
    lost, live = Event("fake", "lost", 1.0, "unplugged"), Event("fake", "live", 2.0, "back")
    source = StagedSource([frame(0), lost, live, frame(1)])
    with NewestFrameReader(source) as latest:
        source.go[0].set()
        source.closed.wait(5)
        seen = [item.state if isinstance(item, Event) else item.index for item in latest]
    assert seen == ["lost", "live", 1]
    assert latest.dropped == 1
