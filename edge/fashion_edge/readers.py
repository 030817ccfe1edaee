"""Reading ahead of the loop: a thread decodes the next frames of a file while this one is labelled.

None is dropped. OpenCV lets go of the interpreter lock while it works, so both cores are busy. Whoever has time fits a
frame to the model: this thread while the loop has frames waiting, else the loop, which would only wait for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from fashion_edge.frame import Event, Frame, Item, Tick
from fashion_edge.pipeline import View
from fashion_edge.sources.base import Source

GAP_S = 10.0  # a longer one in what is played is cut short


class Pacer:
    """Ticks at `interval` seconds; 0 never waits."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next: float | None = None

    def wait(self) -> int:
        """Sleep until the next tick; returns how many ticks have passed since the last call (0 on the first)."""
        now = time.monotonic()
        if self._next is None:
            self._next = now + self._interval
            return 0
        if not self._interval:
            return 1
        if now < self._next:
            time.sleep(self._next - now)
            self._next += self._interval
            return 1
        ticks = 1 + int((now - self._next) / self._interval)
        self._next += ticks * self._interval
        return ticks


class Playback:
    """Plays what stands on a clock of its own: moments come as far apart as they were, what is late delays the rest."""

    def __init__(self) -> None:
        self._moment = 0.0
        self._due: float | None = None

    def wait(self, moment: float) -> float:
        """Sleep until a moment is due; returns when that was, on time.monotonic()'s clock."""
        now = time.monotonic()
        due = now if self._due is None else self._due + min(moment - self._moment, GAP_S)
        time.sleep(max(0.0, due - now))
        self._moment, self._due = moment, max(due, now)
        return due


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started


JOIN_S = 2.0  # a driver that hangs in read() may not hold up the end of the program
TICK_S = 0.1  # while nothing comes
STALL_S = 5.0  # a source that says nothing for so long hangs in its driver


class Latest:
    """Iterate over a live source without ever falling behind it.

    Faults and events are never dropped; of frames only the newest waits. While nothing comes there are ticks; a
    source that hangs for `stall_s` is lost until it gives a frame again. An error in the source is raised in the
    loop that iterates.
    """

    def __init__(self, source: Source, *, stall_s: float = STALL_S) -> None:
        self.dropped = 0
        self._source = source
        self._stall_s = stall_s
        self._changed = threading.Condition()
        self._notices: deque[Item] = deque()
        self._slot: Frame | None = None
        self._done = False
        self._stop = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stop = True
        self._thread.join(JOIN_S)

    def __iter__(self) -> Iterator[Item]:
        last, lost, stalled = time.monotonic(), False, False
        while (item := self._take()) is not None:
            if isinstance(item, Tick):
                if not lost and item.at - last > self._stall_s:
                    lost = stalled = True
                    yield Event(self._source.name, "lost", item.at, f"no frame for {self._stall_s:g} s: the read hangs")
            else:
                last = time.monotonic()
                if isinstance(item, Event):
                    lost, stalled = item.state == "lost", False
                elif stalled:
                    lost = stalled = False
                    yield Event(self._source.name, "live", last, "the read came back")
            yield item

    def _take(self) -> Item | None:
        with self._changed:
            if not (self._notices or self._slot or self._done):
                self._changed.wait(TICK_S)  # a timeout lets Ctrl-C through
            if self._notices:
                return self._notices.popleft()
            frame, self._slot = self._slot, None
            if frame is not None:
                return frame
            if self._error is not None:
                raise self._error
            return None if self._done else Tick(time.monotonic())

    def _read(self) -> None:
        items = self._source.items()
        try:
            for item in items:
                with self._changed:
                    if self._stop:
                        return
                    self._put(item)
                    self._changed.notify()
        except BaseException as error:  # handed to the loop that iterates
            self._error = error
        finally:
            items.close()  # the thread that opened the device releases it
            with self._changed:
                self._done = True
                self._changed.notify()

    def _put(self, item: Item) -> None:
        if isinstance(item, Tick):
            return
        if not isinstance(item, Frame):
            if isinstance(item, Event) and self._slot is not None:  # no frame may follow the news that there are none
                self._slot = None
                self.dropped += 1
            self._notices.append(item)
            return
        if self._slot is not None:
            self.dropped += 1
        self._slot = item


DEPTH = 3  # frames that wait: more only costs memory
POLL_S = 0.1  # lets Ctrl-C and the end of the run through
AHEAD_JOIN_S = 2.0


class Ahead:
    """Iterate over a source that is read in a thread; its frames come as views where there was time for it.

    An error in the thread is raised in the loop that iterates.
    """

    def __init__(self, source: Source, view: Callable[[Frame], View]) -> None:
        self._source = source
        self._view = view
        self._waiting: SimpleQueue[Item | View | BaseException | None] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()  # one entry for each that may be put; queue.Queue is slower
        for _ in range(DEPTH):
            self._room.put(None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(AHEAD_JOIN_S)

    @property
    def waiting(self) -> int:
        """How many items have been read and not been taken."""
        return self._waiting.qsize()

    def __iter__(self) -> Iterator[Item | View]:
        while True:
            try:
                item = self._waiting.get(timeout=POLL_S)
            except Empty:
                yield Tick(time.monotonic())  # a file that plays slowly: its window lives on
                continue
            self._room.put(None)
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self) -> None:
        items = self._source.items()
        try:
            for item in items:
                if not self._put(self._view(item) if isinstance(item, Frame) and self.waiting else item):
                    return
            self._put(None)
        except BaseException as error:  # handed to the loop that iterates
            self._put(error)
        finally:
            items.close()  # the thread that opened the file closes it

    def _put(self, item: Item | View | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._room.get(timeout=POLL_S)
            except Empty:
                continue
            self._waiting.put(item)
            return True
        return False
