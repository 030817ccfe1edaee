"""Power, heat and clock: what makes a Raspberry Pi slow without a word."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import Any

from fashion_edge.doctor.isolated import Outcome, attempt
from fashion_edge.telemetry import THROTTLE_BITS, read_telemetry

RUN_TIMEOUT_S = 10.0
REASON = 400  # characters of an error: what a linker misses stands behind a long path
PROGRAMS = re.compile(r"(?<!\S)(pip|fashion-\w+)(?!\S)")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: str  # "ok", "note" (works, but know this) or "bad" (something does not work)
    text: str
    mend: str | None = None  # the one command that mends it


def installed(package: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def run_program(argv: Sequence[str]) -> str | None:
    """Standard output of a program; None where it is not there, fails, or takes too long."""
    if shutil.which(argv[0]) is None:
        return None
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


class KilledError(ImportError):
    """A module that takes its process with it."""


def load_after(attempt: Callable[..., Outcome]) -> Callable[[str], Any]:
    """An importer that has a second interpreter go first; `KilledError` where that one died of it."""

    def load(module: str) -> Any:
        outcome = attempt("load", module)
        if outcome.state == "died":
            raise KilledError(f"it {outcome.text}")
        return import_module(module)

    return load


@dataclass(frozen=True)
class Machine:
    """Where files are found, which distributions are installed, and how programs are run."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    installed: Callable[[str], str | None] = installed
    run: Callable[[Sequence[str]], str | None] = run_program
    load: Callable[[str], Any] = import_module
    which: Callable[[str], str | None] = shutil.which
    attempt: Callable[..., Outcome] = attempt  # for what may take its process with it
    arch: str = platform.machine()
    bits: int = 64 if sys.maxsize > 2**32 else 32
    python: tuple[int, int] = sys.version_info[:2]
    libc: tuple[str, str] = field(default_factory=platform.libc_ver)
    in_venv: bool = sys.prefix != sys.base_prefix
    venv: Path = Path(sys.prefix)

    def read(self, path: str) -> str | None:
        """Text of a file below the root, stripped; None where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        except OSError:
            return None

    def glob(self, pattern: str) -> list[Path]:
        """Paths below the root that match, sorted."""
        return sorted(self.root.glob(pattern))

    def spell_out(self, command: str) -> str:
        """The command with our programs by their paths, where a shell finds others: a venv need not be activated."""
        return PROGRAMS.sub(lambda found: self._where(found[0]), command)

    def _where(self, program: str) -> str:
        path = self.venv / "bin" / program
        return program if not path.is_file() or self.which(program) == str(path) else quote(str(path))

    @property
    def model(self) -> str:
        """What the board calls itself, as a Raspberry Pi does; empty elsewhere."""
        return self.read("proc/device-tree/model") or ""

    @property
    def is_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "Raspberry Pi" in self.model


Check = Callable[[Machine], Iterator[Finding]]


def number(text: str) -> tuple[int, ...]:
    """`1.32.0rc1` -> (1, 32, 0): enough to compare releases."""
    return tuple(int(part) for part in re.findall(r"(?:^|\.)(\d+)", text)[:3])


HOT_C = 75.0  # a Pi caps its clock at 80
SLOW_GOVERNORS = ("powersave",)
SELF_SCALING = ("intel_pstate", "amd-pstate-epp")  # drivers whose powersave moves the clock all the same
CLOCK = "sys/devices/system/cpu/cpu0/cpufreq"


def check_power(machine: Machine) -> Iterator[Finding]:
    """Under-voltage and throttling, now and since boot; temperature."""
    telemetry = read_telemetry(machine.root)
    supply = "vcgencmd get_throttled  # then a 5 V 3 A supply with a short cable"
    cool = "vcgencmd measure_temp  # then a heat sink or a fan"
    if machine.is_pi:
        now, before = telemetry.throttled, telemetry.throttled_before
        if THROTTLE_BITS[0] in now:
            yield Finding("power", "bad", "the supply's voltage is too low now: the clock is cut", supply)
        elif THROTTLE_BITS[0] in before:
            yield Finding("power", "note", "the supply's voltage was too low since boot", supply)
        elif now:
            yield Finding("power", "bad", f"slowed down now: {', '.join(now)}", cool)
        elif before:
            yield Finding("power", "note", f"slowed down since boot: {', '.join(before)}", cool)
        elif telemetry.throttle_bits is None:
            text = "whether it is under-voltage or slowed down is not known: the firmware does not tell you"
            yield Finding("power", "note", text, "sudo vcgencmd get_throttled  # throttled=0x0 is good")
        else:
            yield Finding("power", "ok", "neither under-voltage nor throttling since boot")
    degrees = telemetry.temperature_c
    if degrees is not None and degrees >= HOT_C:
        yield Finding("heat", "bad", f"{degrees:.0f} degrees C: it slows down, or is about to", cool)
    elif degrees is not None:
        yield Finding("heat", "ok", f"{degrees:.0f} degrees C")


def check_governor(machine: Machine) -> Iterator[Finding]:
    """The governor of the processor's clock."""
    governor = machine.read(f"{CLOCK}/scaling_governor")
    if governor is None:
        return
    if governor in SLOW_GOVERNORS and machine.read(f"{CLOCK}/scaling_driver") not in SELF_SCALING:
        mend = "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield Finding("governor", "note", f"{governor}: the clock stays at its lowest", mend)
    else:
        yield Finding("governor", "ok", governor)
