"""A testbed leaves no process, mount or binfmt entry behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from testbed import pi
from testbed.guest import Guest
from testbed.host import HERE, REPOSITORY, WORK

MARK = "testbed-that-is-interrupted"
PROGRAM = """
import sys
from pathlib import Path
from testbed.guest import Guest
guest = Guest(Path(sys.argv[1]), Path(sys.argv[2]), emulated=True)
guest.run(f"python3 -c 'import time; time.sleep(600)' {sys.argv[3]}")
"""


@pytest.fixture(scope="module")
def guest() -> Guest:
    return pi.boot("bookworm")


def processes() -> list[str]:
    """Command lines of the emulated program and of its parents."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if MARK in words:
            found.append(f"{entry.name} {' '.join(words)[:200]}")
    return found


def traces() -> list[str]:
    """Mounts of the testbeds and binfmt entries for arm64, as this machine sees them."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(WORK) in line]
    entries = Path("/proc/sys/fs/binfmt_misc").glob("arm64*")
    return mounts + [str(entry) for entry in entries]


def wait_until(true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_behind(guest: Guest, how: signal.Signals) -> None:
    before = traces()
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, guest.root, guest.work, MARK],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: any("qemu-aarch64" in line and "enter.sh" not in line for line in processes()))
    run.send_signal(how)
    run.wait(20)
    assert wait_until(lambda: not processes()), processes()
    assert traces() == before
