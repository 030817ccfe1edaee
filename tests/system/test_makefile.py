"""The Makefile: it checks the version of Python before it sets up an environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder, *arguments):
    """Run `make` in a folder with the files that it needs for the environments."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, env=plain, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("goal", ["demo", "test"])
def test_a_python_that_is_too_old_is_refused_before_an_environment_is_made(goal, tmp_path):
    old = tmp_path / "python3.10"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 12)\n$2"\n')
    old.chmod(0o755)
    done = make(tmp_path, f"PYTHON={old}", goal)
    assert done.returncode == 2
    assert f"{old} is Python 3.10; it must be 3.11 to 3.13: make PYTHON=python3.12 {goal}\n" in done.stderr
    assert not list(tmp_path.glob(".venv*"))


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_missing_python_is_reported_with_the_command_to_use(tmp_path):
    done = make(tmp_path, "PYTHON=python3.99", "demo")
    assert done.returncode == 2
    assert "==> python3.99 is not installed; install Python 3.11 to 3.13, or give another one: " in done.stderr
    assert "make PYTHON=python3.12 demo\n" in done.stderr
    assert "command not found" not in done.stderr
    assert not list(tmp_path.glob(".venv*"))
