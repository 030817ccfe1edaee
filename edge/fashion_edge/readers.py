"""Readers between a source and the loop, each reading in a thread: the newest frame, or prefetched frames.

OpenCV releases the interpreter lock while it works, so that both cores of a small device are busy.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from typing import Protocol, Self

from fashion_edge.frame import Event, Frame, Item, ModelInput, Tick
from fashion_edge.sources.base import Source

JOIN_S = 2.0  # a driver that hangs in read() must not delay the end of the program
TICK_S = 0.1  # between ticks, while no item comes; a timeout lets Ctrl-C through
STALL_S = 5.0  # a source without an item for so long hangs in its driver
Prepare = Callable[[Frame], ModelInput]
Entry = Item | ModelInput | BaseException | None  # of a queue; an error, or None at the end
OpenItems = Callable[[], Generator[Item, None, None]]  # see `Source.items`


class Reader(Protocol):
    """Items of a source; a context manager that releases what the source opened."""

    dropped: int  # frames that were replaced by newer ones

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Item | ModelInput]: ...

    def settle(self) -> None:
        """Called between inference and outputs: wait for the next item if it comes at once."""


def make_reader(source: Source, prepare: Prepare) -> Reader:
    """Return the reader that fits a source; `prepare` makes the model's input of a frame, in the reader's thread."""
    if source.live:
        return NewestFrameReader(source)
    return PrefetchReader(source.items, prepare) if source.prefetch else PlainReader(source)


class PlainReader:
    """Iterate over a source without a thread."""

    dropped = 0

    def __init__(self, source: Source) -> None:
        self._items = source.items()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._items.close()

    def __iter__(self) -> Iterator[Item]:
        return self._items

    def settle(self) -> None:
        """Do nothing."""


class _ThreadReader:
    """Reads a source in a thread of its own; an error there is raised in the loop that iterates."""

    dropped = 0

    def __init__(self, open_items: OpenItems) -> None:
        self._open_items = open_items
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_S)

    def settle(self) -> None:
        """Do nothing."""

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            with closing(self._open_items()) as items:  # the thread that opened the device releases it
                for item in items:
                    self._put(item)
                    if self._stop.is_set():
                        break
        except BaseException as error:  # handed to the loop that iterates
            failure = error
        self._end(failure)

    def _put(self, item: Item) -> None:
        raise NotImplementedError

    def _end(self, failure: BaseException | None) -> None:
        raise NotImplementedError


class NewestFrameReader(_ThreadReader):
    """Iterate over a live source without falling behind it.

    Faults and events are never dropped; of frames only the newest is kept. While nothing comes there are ticks; a
    source that hangs for `stall_s` seconds counts as lost until it gives a frame again.
    """

    def __init__(self, source: Source, *, stall_s: float = STALL_S) -> None:
        super().__init__(source.items)
        self._source = source
        self._stall_s = stall_s
        self._changed = threading.Condition()
        self._notices: deque[Item] = deque()
        self._slot: Frame | None = None
        self._read_at = time.monotonic()
        self._done = False
        self._failure: BaseException | None = None

    def __iter__(self) -> Iterator[Item]:
        state, stalled, self._read_at = "live", False, time.monotonic()
        while (item := self._take()) is not None:
            if isinstance(item, Tick):
                if not stalled and state != "lost" and item.at - self._read_at > self._stall_s:
                    stalled = True
                    yield Event(self._source.name, "lost", item.at, f"no frame for {self._stall_s:g} s: the read hangs")
            elif isinstance(item, Event):
                state, stalled = item.state, False
            elif stalled:
                stalled = False
                yield Event(self._source.name, state, self._read_at, "the read came back")
            yield item

    def _take(self) -> Item | None:
        with self._changed:
            if not (self._notices or self._slot or self._done):
                self._changed.wait(TICK_S)
            if self._notices:
                return self._notices.popleft()
            frame, self._slot = self._slot, None
            if frame is not None:
                return frame
            if self._failure is not None:
                raise self._failure
            return None if self._done else Tick(time.monotonic())

    def _put(self, item: Item) -> None:
        self._read_at = time.monotonic()  # also by the tick of a source that skips frames
        if isinstance(item, Tick):
            return
        with self._changed:
            if isinstance(item, Frame | Event) and self._slot is not None:  # no older frame may follow an event
                self._slot = None
                self.dropped += 1
            if isinstance(item, Frame):
                self._slot = item
            else:
                self._notices.append(item)
            self._changed.notify()

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            self._done, self._failure = True, failure
            self._changed.notify()


DEPTH = 3  # prefetched frames: more only costs memory
SETTLE_S = 0.0005  # a wait of the loop that costs no frame: it would wait later


class PrefetchReader(_ThreadReader):
    """Iterate over a source that is read in a thread, a few frames ahead of the loop; no frame is dropped.

    The thread also prepares the model's input while the loop is behind, with two frames waiting; else the loop does,
    which would only wait for it.
    """

    def __init__(self, open_items: OpenItems, prepare: Prepare) -> None:
        super().__init__(open_items)
        self._prepare = prepare
        self._waiting: SimpleQueue[Entry] = SimpleQueue()
        self._taken: list[Entry] = []  # by `settle`: at most one
        self._room: SimpleQueue[None] = SimpleQueue()  # one entry for each free place; queue.Queue is slower
        for _ in range(DEPTH):
            self._room.put(None)

    @property
    def waiting(self) -> int:
        """Number of items that were read and not taken yet."""
        return self._waiting.qsize()

    def __iter__(self) -> Iterator[Item | ModelInput]:
        while True:
            try:
                item = self._taken.pop() if self._taken else self._waiting.get(timeout=TICK_S)
            except Empty:
                yield Tick(time.monotonic())  # a file that plays slowly; its window is updated
                continue
            self._room.put(None)
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def settle(self) -> None:
        """Wait up to `SETTLE_S` for the next item, before the outputs of the last one are written.

        Without it the thread ends decoding while the outputs hold the interpreter lock, and starts the next frame
        40 us later, of 250.
        """
        if not self._taken:
            with suppress(Empty):
                self._taken.append(self._waiting.get(timeout=SETTLE_S))

    def _put(self, item: Item) -> None:
        self._append(self._prepare(item) if isinstance(item, Frame) and self.waiting > 1 else item)

    def _end(self, failure: BaseException | None) -> None:
        self._append(failure)

    def _append(self, entry: Entry) -> None:
        """Append when there is room; nothing once the loop has ended."""
        while not self._stop.is_set():
            try:
                self._room.get(timeout=TICK_S)
            except Empty:
                continue
            self._waiting.put(entry)
            return
