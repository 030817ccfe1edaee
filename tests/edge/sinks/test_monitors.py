import os
import signal
import socket
import subprocess
import tempfile
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.frame import Event, Tick
from fashion_edge.sinks.monitors import MonochromeCheck, NotifySink


@pytest.mark.parametrize(
    ("colour", "seconds", "reports"), [(False, 20, 1), (False, 2, 0), (True, 20, 0)], ids=["grey", "short", "colour"]
)
def test_a_grey_camera_is_reported_once(capsys, make_result, noise, colour, seconds, reports):
    check, image = MonochromeCheck(), noise if colour else np.repeat(noise[:, :, :1], 3, axis=2)
    for index in range(seconds * 10):
        result = make_result(index, source="camera:0", captured_at=index / 10)
        check.put_clean(replace(result, frame=replace(result.frame, image=image)))
    assert capsys.readouterr().err.count("the pictures are grey") == reports


@pytest.fixture
def manager():
    """The socket that systemd listens on; its path is short, since a Unix socket takes 108 bytes."""
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(f"{folder}/notify")
        listener.settimeout(60)
        yield listener


def receive_all(manager: socket.socket) -> list[str]:
    manager.settimeout(0.05)
    lines = []
    try:
        while True:
            lines += manager.recv(4096).decode().splitlines()
    except TimeoutError:
        return lines


def test_ready_status_watchdog_and_stopping_reach_the_service_manager(manager, start_edge):
    env = {**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "300000"}
    child = start_edge("--source", "demo", "--headless", env=env, stdout=subprocess.DEVNULL)
    lines: list[str] = []
    while lines.count("WATCHDOG=1") < 3 or not any("frames labelled" in line for line in lines):
        lines += manager.recv(4096).decode().splitlines()
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors
    lines += receive_all(manager)
    assert lines.count("READY=1") == 1
    assert next(line for line in lines if "frames labelled" in line).startswith("STATUS=")
    assert lines[-1] == "STOPPING=1"


@pytest.mark.parametrize(
    ("watchdog", "alive"),
    [
        ({"WATCHDOG_USEC": "30000000"}, True),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, False),
        ({}, False),
    ],
)
def test_the_watchdog_is_kept_alive_while_a_camera_is_lost(manager, watchdog, alive):
    now = [0.0]
    sink = NotifySink({"NOTIFY_SOCKET": manager.getsockname(), **watchdog}, clock=lambda: now[0])
    sink.event(Event("camera:0", "lost", 0.0, "gives no\nframes"))
    for _ in range(600):  # a minute of ticks
        now[0] += 0.1
        sink.tick(Tick(now[0]))
    sink.close()
    lines = receive_all(manager)
    assert "STATUS=camera:0 lost: gives no\\x0aframes" in lines
    assert lines.count("WATCHDOG=1") in ((6, 7) if alive else (0,))


def test_an_abstract_socket_is_reached():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0fashion-edge-test")
        NotifySink({"NOTIFY_SOCKET": "@fashion-edge-test"}).close()
        assert listener.recv(100) == b"STOPPING=1"


def test_a_service_manager_that_is_gone_does_not_end_the_run(make_result):
    sink = NotifySink({"NOTIFY_SOCKET": "/gone/away"})
    sink.put(make_result())
    sink.close()
