import threading
import time

import numpy as np
import pytest

from fashion_edge.behind import Behind
from fashion_edge.decide import Decision
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.result import Result
from fashion_edge.roi import Box
from fashion_edge.sinks.base import Sink

LABELS = ("dress", "red")


def result(index: int) -> Result:
    frame = Frame(np.full((120, 160, 3), 90, np.uint8), index, 0.0, "clip")
    scores = np.array([0.9, 0.8], np.float32)
    decision = Decision({"colour": "red", "garment": "dress"}, LABELS, "red dress")
    return Result(frame, Box(0, 0, 160, 120), scores, scores, decision, 0.01, {"infer": 0.001}, LABELS)


def feed(behind: Behind, frames: int) -> None:
    for index in range(frames):
        behind.put(result(index))


class Diary(Sink):
    """Remembers what it was given, slowly where asked; fails at one frame where asked."""

    def __init__(self, pause_s: float = 0.0, fails_at: int | None = None) -> None:
        self.seen: list[object] = []
        self.results: list[Result] = []
        self.threads: set[str] = set()
        self._pause_s, self._fails_at = pause_s, fails_at

    def put(self, result: Result) -> None:
        time.sleep(self._pause_s)
        if result.frame.index == self._fails_at:
            raise BrokenPipeError("nobody reads")
        self.threads.add(threading.current_thread().name)
        self.seen.append(result.frame.index)
        self.results.append(result)

    def put_clean(self, result: Result) -> None:
        self.seen.append(("clean", int(result.frame.image.max())))

    def event(self, event: Event) -> None:
        self.seen.append(event.state)

    def fault(self, fault: Fault) -> None:
        self.seen.append(fault.source)


def test_everything_arrives_in_order_and_in_another_thread() -> None:
    diary = Diary()
    with Behind(diary) as behind:
        behind.put(result(0))
        behind.event(Event("clip", "lost", 0.0, "gone"))
        behind.fault(Fault("x.jpg", 1, "x.jpg is empty"))
        behind.put(result(1))
    assert diary.seen == [0, "lost", "x.jpg", 1]
    assert diary.threads == {"writer"}


def test_leaving_waits_until_all_is_written_and_ends_the_thread() -> None:
    threads, diary = threading.active_count(), Diary(pause_s=0.02)
    with Behind(diary) as behind:
        feed(behind, 10)
    assert diary.seen == list(range(10))
    assert threading.active_count() == threads


def test_a_slow_sink_holds_the_loop_up_so_memory_stays_bounded() -> None:
    release = threading.Event()

    class Stuck(Diary):
        def put(self, result: Result) -> None:
            release.wait()
            super().put(result)

    stuck = Stuck()
    behind = Behind(stuck)
    feeder = threading.Thread(target=feed, args=(behind, 20))
    feeder.start()
    feeder.join(0.5)
    assert feeder.is_alive()  # one is being written, a few wait, the next has no room
    assert stuck.seen == []
    release.set()
    feeder.join()
    behind.close()
    assert stuck.seen == list(range(20))


def test_a_picture_is_drawn_for_who_wants_it_after_who_wants_it_clean() -> None:
    diary = Diary()
    diary.wants_picture = diary.wants_clean = True
    with Behind(diary) as behind:
        behind.put(result(0))
    assert diary.seen == [("clean", 90), 0]
    assert (diary.results[0].frame.image != 90).any()
    assert diary.results[0].stages_s["draw"] > 0


def test_an_error_behind_is_raised_in_the_loop_and_what_came_before_is_written() -> None:
    diary = Diary(fails_at=3)
    behind = Behind(diary)
    with pytest.raises(BrokenPipeError, match="nobody reads"):
        feed(behind, 1000)
    assert diary.seen == [0, 1, 2]


def test_an_error_in_the_last_frame_is_not_lost() -> None:
    behind = Behind(Diary(fails_at=0))
    with pytest.raises(BrokenPipeError), behind:
        behind.put(result(0))


def test_the_sink_behind_can_end_the_run() -> None:
    diary = Diary()
    with Behind(diary) as behind:
        assert not behind.stopped
        diary.stopped = True
        assert behind.stopped
