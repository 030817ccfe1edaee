"""The one-slot reader: a thread reads the source, the newest frame wins, what it replaced is counted."""

import threading
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from fashion_edge.frame import Frame, Item
from fashion_edge.sources.base import Source

JOIN_S = 2.0  # a driver that hangs in read() may not hold up the end of the program


class Latest:
    """Iterate over a live source without ever falling behind it.

    Faults and events are never dropped; of frames only the newest waits. An error in the source is raised in the
    loop that iterates.
    """

    def __init__(self, source: Source) -> None:
        self.dropped = 0
        self._source = source
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
        while (item := self._take()) is not None:
            yield item

    def _take(self) -> Item | None:
        with self._changed:
            while not (self._notices or self._slot or self._done):
                self._changed.wait(0.1)  # a timeout lets Ctrl-C through
            if self._notices:
                return self._notices.popleft()
            frame, self._slot = self._slot, None
            if frame is None and self._error is not None:
                raise self._error
            return frame

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
        if not isinstance(item, Frame):
            self._notices.append(item)
            return
        if self._slot is not None:
            self.dropped += 1
        self._slot = item
