import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, tempfile
from fashion_edge.console import suppress_output
if "full" in sys.argv:
    tempfile.TemporaryFile = lambda: open("/dev/full", "w+b", buffering=0)
with suppress_output():
    print("chatter of a library")
print("what was asked for")
"""


def run(*argv: str) -> subprocess.CompletedProcess:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", PROGRAM, *argv]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_chatter_is_kept_out_of_the_terminal() -> None:
    assert run().stdout == "what was asked for\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_where_there_is_no_room_for_chatter_the_terminal_is_given_back() -> None:
    done = run("full")
    assert done.returncode == 0
    assert done.stdout.endswith("what was asked for\n")
