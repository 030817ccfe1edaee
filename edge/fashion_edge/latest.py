"""The one-slot reader: a thread reads the source, the newest frame wins, what it replaced is counted."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from fashion_edge.frame import Event, Frame, Item, Tick
from fashion_edge.sources.base import Source

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
