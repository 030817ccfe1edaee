"""A Raspberry Pi OS userland: an arm64 Debian root with a virtual environment that its own pip has filled."""

import shutil
from collections.abc import Sequence

from testbed.debs import Spec, make_root
from testbed.guest import Guest
from testbed.host import GUEST, WORK, fresh
from testbed.wheels import install_wheels, platform_options

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}  # as each release ships it
PACKAGES = ("python3-venv", "libstdc++6", "dash", "coreutils")
LEGACY_SUITES = ("bookworm",)  # tflite-runtime ended at Python 3.11 and NumPy 1; OpenCV 4.12 is the first with NumPy 2
LEGACY = (
    *("tflite-runtime==2.14.0", "numpy<2", "opencv-python-headless<4.12"),
    *("click", "packaging", "pillow", "psutil", "rich", "msgspec"),
)


def boot(suite: str) -> Guest:
    """The root of a release; /lab inside is the folder the wheels and the results go to."""
    root = make_root(Spec(f"{suite}-arm64", "arm64", (suite,), PACKAGES))
    guest = Guest(root, fresh(WORK / "work" / suite), emulated=True)
    shutil.copytree(GUEST, guest.work / "guest")
    return guest


def make_venv(guest: Guest, venv: str) -> None:
    """An empty virtual environment of the guest's Python at a path inside the guest."""
    fresh(guest.root / venv.lstrip("/"))
    guest.check(f"python3 -m venv --without-pip {venv}")


def install(guest: Guest, suite: str, venv: str, requirements: Sequence[str], *options: str) -> None:
    """Fill a virtual environment with the wheels that are meant for it.

    The host's pip chooses and unpacks, since under emulation that takes minutes; `check_fit` then asks the guest.
    """
    folder = guest.root / venv.lstrip("/")
    site = folder / f"lib/python{PYTHON[suite]}/site-packages"
    install_wheels(site, [*platform_options("aarch64", suite, PYTHON[suite]), *options], requirements)
    for script in (site / "bin").iterdir():
        _, _, body = script.read_text().partition("\n")
        (folder / "bin" / script.name).write_text(f"#!{venv}/bin/python\n{body}")
        (folder / "bin" / script.name).chmod(0o755)
    shutil.rmtree(site / "bin")


def check_fit(guest: Guest, venv: str) -> None:
    """Whether the guest's own Python accepts each wheel's tags, and finds each dependency, markers included."""
    guest.check(f"{venv}/bin/python /lab/guest/fits.py")
