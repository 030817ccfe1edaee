"""The machine that results were measured on, and whether two sets of results come from like machines."""

import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from fashion_bench.cases import engine_versions
from fashion_edge import __version__
from fashion_edge.telemetry import ROOT, SINCE_BOOT, throttle_words

# Two results may share a table, or be compared, only where all of these are the same.
IDENTITY = ("board", "cpu", "arch", "cores", "features", "memory_gb")
X86_FEATURES = {
    "avx2": "avx2",
    "fma": "fma",
    "avx512f": "avx512f",
    "avx512_vnni": "vnni",
    "avx_vnni": "vnni",
    "amx_int8": "amx_int8",
}
ARM_FEATURES = {"asimd": "neon", "asimdhp": "fp16", "asimddp": "dotprod", "i8mm": "i8mm", "bf16": "bf16", "sve": "sve"}
ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd49": "Neoverse-N2",
}
CPUFREQ = "sys/devices/system/cpu/cpu0/cpufreq"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing in it names a person, a host or a folder."""

    board: str | None
    cpu: str
    arch: str
    cores: int | None
    features: list[str]  # vector instructions
    memory_gb: float | None
    governor: str | None
    max_clock_mhz: float | None = None
    affinity: list[int] = []
    os: str = ""
    distribution: str | None = None
    python: str
    implementation: str = ""
    fashion_edge: str = ""
    runtimes: dict[str, str]

    @property
    def line(self) -> str:
        """One line for a person."""
        features = " ".join(self.features) or "no vector features known"
        parts = [
            self.board or self.cpu,
            f"{self.cores} x {self.cpu}" if self.board else f"{self.cores} cores",
            f"{self.arch} ({features})",
            f"{self.memory_gb} GB",
            f"governor {self.governor or 'not known'}",
            f"Python {self.python}",
            ", ".join(f"{name} {number}" for name, number in self.runtimes.items()),
        ]
        return ", ".join(parts)

    def differences(self, other: "Machine") -> list[str]:
        """Why the two are not alike, one phrase a difference; empty where they are."""
        pairs = ((key, getattr(self, key), getattr(other, key)) for key in IDENTITY)
        return [f"{key} {ours!r} against {theirs!r}" for key, ours, theirs in pairs if ours != theirs]


def describe_machine(root: Path = ROOT) -> Machine:
    """Describe this machine; `root` is where /proc and /sys are, for tests."""
    cpu = _read_cpuinfo(root)
    clock = _read(root / CPUFREQ / "cpuinfo_max_freq")
    return Machine(
        board=_read(root / "proc/device-tree/model"),
        cpu=_cpu_name(cpu),
        arch=platform.machine(),
        cores=os.cpu_count(),
        features=_features(cpu),
        memory_gb=_memory_gb(root),
        governor=_read(root / CPUFREQ / "scaling_governor"),
        max_clock_mhz=int(clock) / 1e3 if clock else None,
        affinity=sorted(os.sched_getaffinity(0)),
        os=f"{platform.system()} {platform.release()}",
        distribution=_distribution(),
        python=platform.python_version(),
        implementation=sys.implementation.name,
        fashion_edge=__version__,
        runtimes=engine_versions(),
    )


def throttle_changes(before: int | None, after: int | None) -> tuple[str, ...]:
    """What throttled the machine between two readings: bits set at either, or latched in between."""
    first, last = before or 0, after or 0
    return throttle_words(first | last | (last & ~first) >> SINCE_BOOT)


def _read(file: Path) -> str | None:
    with suppress(OSError):
        return file.read_text().strip("\0\n ") or None
    return None


def _read_cpuinfo(root: Path) -> dict[str, str]:
    first_core = (_read(root / "proc/cpuinfo") or "").split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first_core.splitlines())}


def _cpu_name(cpu: Mapping[str, str]) -> str:
    part = cpu.get("CPU part", "")
    return cpu.get("model name") or ARM_PARTS.get(part) or (f"ARM part {part}" if part else "not known")


def _features(cpu: Mapping[str, str]) -> list[str]:
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    known = X86_FEATURES if "flags" in cpu else ARM_FEATURES
    return sorted({word for flag, word in known.items() if flag in flags})


def _memory_gb(root: Path) -> float | None:
    lines = (_read(root / "proc/meminfo") or "").splitlines()
    total = next((line for line in lines if line.startswith("MemTotal")), None)
    return round(int(total.split()[1]) / (1 << 20), 1) if total else None


def _distribution() -> str | None:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    return None
