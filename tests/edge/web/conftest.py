"""A sink that serves on a free port, results to put into it, and a plain HTTP client."""

import http.client
import threading
import time
from dataclasses import dataclass, replace

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
    """Puts frames into a sink as the frame loop does, in a thread, about a hundred per second."""

    def __init__(self, sink: WebSink) -> None:
        self.result = make_result()
        self.frames = 0
        self._sink = sink
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def _feed(self) -> None:
        while not self._stopped.wait(0.01):
            self.frames += 1
            frame = replace(self.result.frame, index=self.frames, captured_at=time.monotonic())
            result = replace(self.result, frame=frame)
            self._sink.put_clean(result)
            self._sink.put(result)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.fixture
def serve():
    """Serve at an address, until the end of the test."""
    sinks: list[WebSink] = []

    def start(address="0", *origins):
        sinks.append(WebSink(Address.parse(address), SPACE, "demo", origins=[*map(Origin.parse, origins)]))
        return sinks[-1]

    yield start
    for sink in sinks:
        sink.close()


@pytest.fixture
def sink(serve):
    """A sink that serves on loopback."""
    return serve()


@pytest.fixture
def feed():
    """Feed frames to a sink, until the end of the test."""
    feeders: list[Feeder] = []

    def start(sink):
        feeders.append(Feeder(sink))
        return feeders[-1]

    yield start
    for feeder in feeders:
        feeder.stop()


@pytest.fixture
def feeder(sink, feed):
    """Feeds frames to the sink."""
    return feed(sink)


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@pytest.fixture
def request_to():
    """Send one request to a sink."""

    def send(sink, path, headers=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)
        connection.request(method, path, headers={"Host": f"127.0.0.1:{sink.port}", **(headers or {})})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Response(response.status, response.headers, body)

    return send


@pytest.fixture
def result():
    return make_result
