"""Reading ahead of the loop: a thread decodes the next frames of a file while this one is labelled.

None is dropped. OpenCV lets go of the interpreter lock while it works, so both cores are busy. Whoever has time fits a
frame to the model: this thread while the loop has frames waiting, else the loop, which would only wait for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from fashion_edge.frame import Frame, Item, Tick
from fashion_edge.pipeline import View
from fashion_edge.sources.base import Source

DEPTH = 3  # frames that wait: more only costs memory
POLL_S = 0.1  # lets Ctrl-C and the end of the run through
JOIN_S = 2.0


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
        self._thread.join(JOIN_S)

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
