"""Run programs inside a root, in separate namespaces; arm64 ones under qemu-user as the processor of a Pi 4."""

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from testbed.debs import Spec, fetch, unpack
from testbed.host import BOUND, HERE, WORK

LIMIT_S = 600.0  # against a program that hangs; ten times what the slowest takes where nothing else runs
FETCHING = Lock()
ENTER = HERE / "testbed" / "enter.sh"
PROCESSOR = "cortex-a72"  # a Pi 4; qemu's default has pointer authentication, which makes Python five times slower
QEMU = Spec("qemu-user", "amd64", ("trixie",), ("qemu-user",))  # 10.x; 7.2 crashes in XNNPACK's cpuinfo


@dataclass(frozen=True)
class Guest:
    """A root to run programs in; `work` appears there as /lab."""

    root: Path
    work: Path
    emulated: bool
    env: Mapping[str, str] = field(default_factory=dict)

    def argv(self, command: str, env: Mapping[str, str] | None = None) -> list[str]:
        """The host's command line that runs a command line of the guest; quoted as for a shell, but without one."""
        inside = {
            "PATH": "/usr/local/bin:/usr/bin:/usr/sbin",
            "HOME": "/root",
            "USER": "root",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "QEMU_CPU": PROCESSOR,
            **self.env,
            **(env or {}),
        }
        emulator = str(emulator_path()) if self.emulated else "-"
        return [
            *BOUND,
            *("--user", "--map-root-user", "--mount", "--mount-proc"),
            *("env", "--ignore-environment", *(f"{name}={value}" for name, value in inside.items())),
            *("bash", str(ENTER), str(self.root), emulator, str(self.work), *shlex.split(command)),
        ]

    def run(
        self, command: str, timeout: float = LIMIT_S, env: Mapping[str, str] | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end with `typed` as its standard input; the caller checks the exit status."""
        return subprocess.run(
            self.argv(command, env), capture_output=True, text=True, check=False, timeout=timeout, input=typed
        )

    def check(self, command: str, timeout: float = LIMIT_S, env: Mapping[str, str] | None = None) -> str:
        """Run to the end and return standard output; anything but exit status 0 is an error."""
        done = self.run(command, timeout, env)
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout


def emulator_path() -> Path:
    """The static qemu-aarch64, fetched once."""
    program = WORK / "qemu-user" / "usr" / "bin" / "qemu-aarch64"
    with FETCHING:
        if program.is_file():
            return program
        part = program.parents[2].with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        debs = [deb for deb in fetch(QEMU) if deb.name.startswith("qemu-user_")]
        unpack(debs, part, "./usr/bin/qemu-aarch64")
        part.rename(program.parents[2])
    return program
