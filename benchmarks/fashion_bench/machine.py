"""What the figures were measured on, and whether two sets of figures come from like machines."""

import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.cases import engine_versions
from fashion_edge import __version__
from fashion_edge.errors import UsageError

IDLE_SECONDS = 2.0
LOAD_SECONDS = 4.0
INTERVAL = 0.05  # seconds between two readings of a power file


def check_meter(path: Path) -> None:
    """Raise `UsageError` where the file is no meter or cannot be read."""
    if not path.name.startswith(("energy", "power")):
        raise UsageError(f"--meter {path} is neither an energy* file (microjoules) nor a power* file (microwatts)")
    _read(path)


def measure_joules(path: Path, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(joules, seconds, what `work` gave) between its begin and its end.

    Raises:
        UsageError: the meter could not be read once, or started over.
    """
    if path.name.startswith("energy"):
        before, start = _read(path), time.monotonic()
        result = work()
        joules, seconds = (_read(path) - before) * 1e-6, time.monotonic() - start
        if joules < 0:
            raise UsageError(f"--meter {path} started over while it was read; measure again")
        return joules, seconds, result
    watts: list[float] = []
    failed: list[UsageError] = []
    done = threading.Event()

    def sample() -> None:
        try:
            while not done.is_set():
                watts.append(_read(path) * 1e-6)
                done.wait(INTERVAL)
        except UsageError as error:
            failed.append(error)

    thread = threading.Thread(target=sample, daemon=True)
    start = time.monotonic()
    thread.start()
    try:
        result = work()
    finally:
        done.set()
        thread.join()
    if failed:
        raise failed[0]
    seconds = time.monotonic() - start
    return float(np.mean(watts)) * seconds, seconds, result


def describe_energy(
    idle: tuple[float, float], load: tuple[float, float], inferences: int, meter: str
) -> dict[str, Any]:
    """Per inference, all that the meter saw and what was above idle; from (joules, seconds) of both."""
    idle_w, load_w = idle[0] / idle[1], load[0] / load[1]
    return {
        "meter": meter,
        "idle_w": round(idle_w, 4),
        "load_w": round(load_w, 4),
        "inferences": inferences,
        "gross_mj": round(load[0] / inferences * 1e3, 5),
        "net_mj": round((load[0] - idle_w * load[1]) / inferences * 1e3, 5),
    }


def _read(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--meter {path} is no readable number ({error}); name a file of hwmon or powercap") from error


ROOT = Path("/")
PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
# Bits of the Raspberry Pi firmware's get_throttled; 16 above stands "has happened since boot".
THROTTLE_BITS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT = 16


@dataclass(frozen=True)
class Telemetry:
    """What the machine said of itself; None where it does not say."""

    clock_mhz: float | None
    temperature_c: float | None
    throttled: int | None
    busy_seconds: float  # of all cores together, since boot: user, system, interrupts and stolen time
    at: float  # time.monotonic


def read_telemetry(root: Path = ROOT) -> Telemetry:
    """Read it now; costs well under a millisecond, more where vcgencmd has to be asked."""
    clocks = [_number(file) for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")]
    heats = [_number(file) for file in root.glob("sys/class/thermal/thermal_zone*/temp")]
    known_clocks = [value for value in clocks if value is not None]
    known_heats = [value for value in heats if value is not None]
    return Telemetry(
        clock_mhz=max(known_clocks) / 1e3 if known_clocks else None,
        temperature_c=max(known_heats) / 1e3 if known_heats else None,
        throttled=read_throttled(root),
        busy_seconds=_busy_seconds(),
        at=time.monotonic(),
    )


def read_throttled(root: Path = ROOT) -> int | None:
    """The Raspberry Pi firmware's throttle word; None on other boards."""
    try:
        return int((root / PI_THROTTLED).read_text().strip(), 16)
    except (OSError, ValueError):
        pass
    if root != ROOT or not shutil.which("vcgencmd"):
        return None
    try:
        answer = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=2, check=True)
        return int(answer.stdout.strip().removeprefix("throttled="), 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def throttle_words(before: int | None, after: int | None) -> tuple[str, ...]:
    """What went on between two readings: bits set at either, or latched in between."""
    if before is None and after is None:
        return ()
    first, last = before or 0, after or 0
    latched = (last & ~first) >> SINCE_BOOT
    return tuple(word for bit, word in THROTTLE_BITS.items() if (first | last | latched) >> bit & 1)


def read_governor(root: Path = ROOT) -> str | None:
    """Cpufreq governor of the first core; None where the kernel has none, as in most virtual machines."""
    try:
        return (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None


def _busy_seconds() -> float:
    import psutil

    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")))


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):
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
