"""What a testbed needs of this machine, where it keeps things, and how it starts programs that cannot outlive it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]
WORK = REPOSITORY / ".devices"  # everything that is fetched or built; nothing is kept elsewhere
HERE = Path(__file__).parents[1]
GUEST = HERE / "guest"
TOOLS = ("unshare", "setpriv", "apt-get", "dpkg-deb", "tar", "mount", "chroot")

# setpriv: dies with whoever started it, even by SIGKILL. unshare: what it starts, and what that starts, dies with it.
BOUND = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child")


def why_not() -> str | None:
    """One sentence on what keeps the testbeds from running here; None where nothing does."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the device testbeds run on x86-64 Linux, this is {platform.machine()} {sys.platform}"
    if os.geteuid() != 0:
        return "the device testbeds need root, for private mounts and namespaces: run it with sudo"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"the device testbeds need Debian's or Ubuntu's tools; {', '.join(missing)} not found"
    return _why_no_emulation()


def _why_no_emulation() -> str | None:
    """An arm64 program is started through a binfmt entry in a user namespace of its own, which Linux 6.7 brought."""
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
    """Run a program that dies with us; its output is shown only where it fails."""
    done = subprocess.run([*BOUND, *map(str, argv)], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))[:300]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done


def shell(script: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a bash script, $1 and on being `args`."""
    return run(["bash", "-euo", "pipefail", "-c", script, "bash", *args])


def fresh(folder: Path) -> Path:
    """An empty folder in the place of whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
