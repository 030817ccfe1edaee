"""The machine that results were measured on, and whether two sets of results come from like machines."""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fashion_bench.cases import engine_versions
from fashion_edge import __version__
from fashion_edge.telemetry import ROOT, SINCE_BOOT, throttle_words


def throttle_changes(before: int | None, after: int | None) -> tuple[str, ...]:
    """What throttled the machine between two readings: bits set at either, or latched in between."""
    first, last = before or 0, after or 0
    return throttle_words(first | last | (last & ~first) >> SINCE_BOOT)


def read_governor(root: Path = ROOT) -> str | None:
    """Cpufreq governor of the first core; None where the kernel has none, as in most virtual machines."""
    try:
        return (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None


# Two results may stand in one table, or be compared, only where all of these are the same.
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


def describe_machine(root: Path = ROOT) -> dict[str, Any]:
    """The machine as JSON: nothing in it names a person, a host or a folder."""
    cpu = _read_cpuinfo(root)
    return {
        "board": _device_tree_model(root),
        "cpu": _cpu_name(cpu),
        "arch": platform.machine(),
        "cores": os.cpu_count(),
        "features": _features(cpu),
        "memory_gb": _memory_gb(root),
        "governor": read_governor(root),
        "max_clock_mhz": _max_clock(root),
        "affinity": sorted(os.sched_getaffinity(0)),
        "os": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "fashion_edge": __version__,
        "runtimes": engine_versions(),
    }


def unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Why two machines are not the same, one phrase a difference; empty where they are."""
    return [f"{key} {one.get(key)!r} against {other.get(key)!r}" for key in IDENTITY if one.get(key) != other.get(key)]


def machine_line(machine: Mapping[str, Any]) -> str:
    """One line for a person."""
    features = " ".join(machine["features"]) or "no vector features known"
    parts = [
        machine["board"] or machine["cpu"],
        f"{machine['cores']} cores" if not machine["board"] else f"{machine['cores']} x {machine['cpu']}",
        f"{machine['arch']} ({features})",
        f"{machine['memory_gb']} GB",
        f"governor {machine['governor'] or 'not known'}",
        f"Python {machine['python']}",
        ", ".join(f"{name} {number}" for name, number in machine["runtimes"].items()),
    ]
    return ", ".join(str(part) for part in parts)


def _read_cpuinfo(root: Path) -> dict[str, str]:
    try:
        lines = (root / "proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _cpu_name(cpu: Mapping[str, str]) -> str:
    part = cpu.get("CPU part", "")
    return cpu.get("model name") or ARM_PARTS.get(part) or (f"ARM part {part}" if part else "not known")


def _features(cpu: Mapping[str, str]) -> list[str]:
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    known = X86_FEATURES if "flags" in cpu else ARM_FEATURES
    return sorted({word for flag, word in known.items() if flag in flags})


def _device_tree_model(root: Path) -> str | None:
    try:
        return (root / "proc/device-tree/model").read_text().strip("\0\n ") or None
    except OSError:
        return None


def _memory_gb(root: Path) -> float | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    total = next((line for line in lines if line.startswith("MemTotal")), None)
    return round(int(total.split()[1]) / (1 << 20), 1) if total else None


def _max_clock(root: Path) -> float | None:
    try:
        return int((root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").read_text()) / 1e3
    except (OSError, ValueError):
        return None


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None
