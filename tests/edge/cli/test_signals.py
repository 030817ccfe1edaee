import os
import signal
import threading
import time

import cv2
import pytest

from fashion_edge.cli.signals import ended_by_signals, signals_interrupt


def send(number: int, times: int = 1) -> None:
    for _ in range(times):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_keep_files_from_being_closed(number):
    with signals_interrupt():
        with ended_by_signals():
            send(number)
        send(number)
        closed = True
    assert closed


def test_a_signal_after_the_end_of_the_source_is_ignored():
    with signals_interrupt():
        with ended_by_signals():
            pass
        send(signal.SIGTERM)


def test_a_third_signal_interrupts_a_close_that_hangs():
    with signals_interrupt():
        with ended_by_signals():
            send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT, 2)


def test_ignored_signals_stay_ignored_and_handlers_are_restored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_interrupt():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_do_not_change_signal_handlers():
    before, during = signal.getsignal(signal.SIGTERM), []

    def work():
        with signals_interrupt():
            during.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert during == [before]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["click", "numpy", "cv2"])
def test_a_signal_at_start_prints_no_traceback(start_edge, number, module):
    """The signal comes when the module is about to be imported."""
    code = f"""
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Finder())"""
    child = start_edge("--source", "demo", "--headless", code=code)
    _, err = child.communicate()
    assert (child.returncode, err.strip()) == (130, "fashion-edge: interrupted")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_whose_model_hangs_in_native_code(start_edge, tmp_path, number):
    """The outputs are closed first: an unfinished video has no index."""
    code = """
import ctypes
from fashion_edge.backends.litert import LiteRtBackend
run, calls = LiteRtBackend.run, []
def hang(self, batch):
    calls.append(batch)
    if len(calls) > 20:
        mutex = ctypes.create_string_buffer(64)
        lock = ctypes.CDLL(None).pthread_mutex_lock
        lock(mutex)
        print("hangs", flush=True)
        lock(mutex)  # waits for ever
    return run(self, batch)
LiteRtBackend.run = hang"""
    video = tmp_path / "labels.mp4"
    child = start_edge("--source", "demo", "--headless", "--record", video, code=code)
    while child.stdout.readline() != "hangs\n":
        assert child.poll() is None
    time.sleep(0.2)  # until it waits
    child.send_signal(number)
    _, err = child.communicate(timeout=10)
    assert child.returncode == 1
    assert err.splitlines()[-1] == "the model or a driver does not return, so the program ends without it"
    assert cv2.VideoCapture(str(video)).read()[0]


def test_a_hanging_driver_does_not_change_the_exit_status(start_edge, tmp_path):
    """The reader comes back while the interpreter is taken down; C++ would abort then."""
    code = f"""
import sys, time
from fashion_edge import readers
from fashion_edge.sources import simulated
readers.JOIN_S = 0.0
def items(self):
    try:
        yield from real(self)
    finally:
        time.sleep(0.3)
        open({str(tmp_path / "came back")!r}, "w")
real, simulated.DemoSource.items = simulated.DemoSource.items, items
leave = sys.exit
sys.exit = lambda status: (time.sleep(1), leave(status))"""
    child = start_edge("--source", "demo", "--headless", "--frames", "3", code=code)
    _, err = child.communicate()
    assert child.returncode == 0
    assert "3 frames labelled" in err
    time.sleep(0.5)
    assert not (tmp_path / "came back").exists()
