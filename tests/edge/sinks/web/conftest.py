"""What the page's tests share: a sink that serves on a free port, frames to put into it, and a plain HTTP client."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.decide import Decision, LabelSpace
from fashion_edge.frame import Box, Frame
from fashion_edge.result import Result, Vitals
from fashion_edge.web import Address, Origin, WebSink

LABELS = ("blue", "dress", "red")
SPACE = LabelSpace(LABELS, {"colour": ("blue", "red"), "garment": ("dress",)}, dict.fromkeys(LABELS, 0.5))
VITALS = Vitals(30.0, 4.0, 9.0)


def make_result(index: int = 0, text: str = "red dress", *, grey: int = 90, width: int = 64) -> Result:
    image = np.full((48, width, 3), grey, np.uint8)
    decision = Decision({"colour": "red", "garment": "dress"}, ("dress", "red"), text)
    scores = np.array([0.01, 0.9, 0.8], np.float32)
    stages = {"capture": 0.001, "preprocess": 0.0002, "infer": 0.0003, "decide": 0.0001}
    frame = Frame(image, index, time.monotonic(), "demo")
    return Result(frame, Box(14, 0, 36, 48), scores, scores, decision, 0.004, stages, LABELS, VITALS)


class Feeder:
    """Puts frames into a sink as the loop does, in a thread, at about a hundred a second."""

    def __init__(self, sink: WebSink) -> None:
        self.result = make_result()
        self.frames = 0
        self._sink = sink
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def _feed(self) -> None:
        while not self._over.wait(0.01):
            self.frames += 1
            frame = replace(self.result.frame, index=self.frames, captured_at=time.monotonic())
            result = replace(self.result, frame=frame)
            self._sink.put_clean(result)
            self._sink.put(result)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., WebSink]]:
    """Serve at an address; everything is closed at the end."""
    sinks: list[WebSink] = []

    def start(address: str = "0", *origins: str) -> WebSink:
        sinks.append(WebSink(Address.parse(address), SPACE, "demo", origins=[*map(Origin.parse, origins)]))
        return sinks[-1]

    yield start
    for sink in sinks:
        sink.close()


@pytest.fixture
def feed() -> Iterator[Callable[[WebSink], Feeder]]:
    """Let frames flow into a sink."""
    feeders: list[Feeder] = []

    def start(sink: WebSink) -> Feeder:
        feeders.append(Feeder(sink))
        return feeders[-1]

    yield start
    for feeder in feeders:
        feeder.stop()


class Answer:
    """Status, headers and body of one request."""

    def __init__(self, sink: WebSink, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)
        connection.request(method, path, headers={"Host": f"127.0.0.1:{sink.port}", **(headers or {})})
        answer = connection.getresponse()
        self.status, self.headers = answer.status, answer.headers
        self.body = answer.read()
        connection.close()


@pytest.fixture
def ask() -> type[Answer]:
    return Answer


@pytest.fixture
def result() -> Callable[..., Result]:
    return make_result
