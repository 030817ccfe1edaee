"""Requirements of the testbeds, their folders, and programs that cannot outlive a test run."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]
WORK = REPOSITORY / ".devices"  # everything that is downloaded or built
HERE = Path(__file__).parents[1]
GUEST = HERE / "guest"
TOOLS = ("unshare", "setpriv", "apt-get", "dpkg-deb", "tar", "mount", "chroot")

# setpriv ends the process when its parent dies, even by SIGKILL; unshare ends all its descendants with it.
BOUND = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child")


def why_not() -> str | None:
    """One sentence on why the testbeds cannot run here; None if they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the device testbeds run on x86-64 Linux, this is {platform.machine()} {sys.platform}"
    if os.geteuid() != 0:
        return "the device testbeds need root, for private mounts and namespaces: run it with sudo"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"the device testbeds need Debian's or Ubuntu's tools; {', '.join(missing)} not found"
    return _why_no_emulation()


def _why_no_emulation() -> str | None:
    """An arm64 program needs a binfmt entry in a separate user namespace, which exists since Linux 6.7."""
    probe = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
    done = subprocess.run(
        [*BOUND, "--user", "--map-root-user", "--mount", "--mount-proc", "sh", "-c", probe],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    return f"the device testbeds need a binfmt_misc of their own (Linux 6.7, user namespaces): {done.stderr.strip()}"


def run(argv: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    """Run a program that ends with this process; its output is shown only if it fails."""
    done = subprocess.run([*BOUND, *map(str, argv)], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))[:300]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done


def shell(script: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a bash script with `args` as $1 and so on."""
    return run(["bash", "-euo", "pipefail", "-c", script, "bash", *args])


def fresh(folder: Path) -> Path:
    """Replace a folder by an empty one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
