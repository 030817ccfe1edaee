"""The project's wheel, and the wheels that another machine's pip would choose for it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from testbed.host import REPOSITORY, WORK, run

GLIBC = {"bookworm": 36, "trixie": 41}
PINNED = ("--constraint", str(REPOSITORY / "constraints.txt"))
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
PIP_ENV = {**os.environ, "PIP_CACHE_DIR": str(WORK / "pip")}


def build_wheel(out: Path) -> Path:
    """Build this tree's wheel into a folder."""
    run([*PIP, "wheel", "--no-deps", "--wheel-dir", out, REPOSITORY], env=PIP_ENV)
    return next(out.glob("*.whl"))


def platform_options(machine: str, suite: str, python: str) -> list[str]:
    """pip's description of a Debian release on `machine` (aarch64, x86_64), with `python` as in "3.11"."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[suite], 16, -1)]
    tags += [f"manylinux2014_{machine}"] + ([f"manylinux1_{machine}"] if machine == "x86_64" else [])
    options = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        options += ["--abi", abi]
    for tag in tags:
        options += ["--platform", tag]
    return options


def install_wheels(site: Path, options: Sequence[str], requirements: Sequence[str]) -> None:
    """Fetch wheels with all they depend on and unpack them into a site-packages folder; scripts go to site/bin."""
    run([*PIP, "install", "--no-compile", "--upgrade", "--target", site, *options, *requirements], env=PIP_ENV)


def download(folder: Path, options: Sequence[str], requirements: Sequence[str]) -> None:
    """Fetch wheels with all they depend on into a folder that pip can install from without an index."""
    run([*PIP, "download", "--dest", folder, *options, *PINNED, *requirements], env=PIP_ENV)
