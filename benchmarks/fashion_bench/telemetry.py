"""Clock, temperature, throttle bits and processor time of the machine, as they stand at one moment."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

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
