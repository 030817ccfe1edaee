"""A sink that serves on a free port, results to put into it, and a plain HTTP client."""

import http.client
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from fashion_edge.frame import Box
from fashion_edge.result import Result, Vitals
from fashion_edge.web import Address, Origin, WebSink

STAGES = {"capture": 0.001, "preprocess": 0.0002, "infer": 0.0003, "decide": 0.0001}


@pytest.fixture
def result(make_result):
    """Build a labelled frame of a camera."""

    def make(index=0, *, width=64):
        made = make_result(index, size=(48, width), captured_at=time.monotonic())
        return replace(made, box=Box(14, 0, 36, 48), age_s=0.004, stages_s=dict(STAGES), vitals=Vitals(30.0, 4.0, 9.0))

    return make


class Feeder:
    """Puts frames into a sink as the frame loop does, in a thread, about a hundred per second."""

    def __init__(self, sink: WebSink, result: Result) -> None:
        self.result, self.frames, self._sink = result, 0, sink
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
def serve(space):
    """Serve at an address, until the end of the test."""
    with ExitStack() as stack:

        def start(address: str = "0", *origins: str) -> WebSink:
            sink = WebSink(Address.parse(address), space, "demo", origins=[*map(Origin.parse, origins)])
            stack.callback(sink.close)
            return sink

        yield start


@pytest.fixture
def sink(serve):
    """A sink that serves on loopback."""
    return serve()


@pytest.fixture
def feed(result):
    """Feed frames to a sink, until the end of the test."""
    with ExitStack() as stack:

        def start(sink: WebSink, **options: int) -> Feeder:
            feeder = Feeder(sink, result(**options))
            stack.callback(feeder.stop)
            return feeder

        yield start


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
