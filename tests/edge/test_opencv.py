"""Freed memory is kept for the next frames."""

import ctypes
import subprocess
import sys

import pytest

from fashion_edge.opencv import keep_freed_memory

ROUNDS = """
import resource, sys
import numpy as np
from fashion_edge.opencv import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def use():
    frames = [np.ones((480, 640, 3), np.uint8) for _ in range(6)]
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(*argv: str) -> int:
    """Page faults of sixty frames of 640x480, six at a time."""
    return int(subprocess.run([sys.executable, "-c", ROUNDS, *argv], capture_output=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_freed_frames_are_not_fetched_from_the_system_again():
    assert count_faults("keep") < 100 < count_faults("default")


def test_another_c_library_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
