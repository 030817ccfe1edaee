"""The state of the machine: temperature, clock and throttling."""

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"  # Raspberry Pi kernels
PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg", "coretemp")  # in the type of the zones that matter, the best first
# Bits of the Raspberry Pi firmware's get_throttled; 16 above them the same four at any time since boot.
THROTTLE_BITS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "temperature limit"}
SINCE_BOOT = 16


@dataclass(frozen=True)
class Telemetry:
    """One reading; None where the machine does not provide a value."""

    temperature_c: float | None = None
    clock_mhz: float | None = None  # of the fastest core
    throttle_bits: int | None = None

    @property
    def throttled(self) -> tuple[str, ...]:
        """What slows the machine down now."""
        return throttle_words(self.throttle_bits or 0)

    @property
    def throttled_before(self) -> tuple[str, ...]:
        """What slowed it down at some time since boot, and does not now."""
        since_boot = throttle_words((self.throttle_bits or 0) >> SINCE_BOOT)
        return tuple(word for word in since_boot if word not in self.throttled)


def read_telemetry(root: Path = ROOT) -> Telemetry:
    """Read it, from /sys below `root`; takes about 10 ms where `vcgencmd` must be run."""
    return Telemetry(read_temperature(root), read_clock(root), read_throttle_bits(root))


def throttle_words(bits: int) -> tuple[str, ...]:
    """The names of the lowest four bits that are set."""
    return tuple(word for bit, word in THROTTLE_BITS.items() if bits >> bit & 1)


def read_temperature(root: Path = ROOT) -> float | None:
    """Temperature of the processor in degrees Celsius: the hottest of its zones, or of all where none is named so."""
    zones: dict[str, float] = {}
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        with suppress(OSError, ValueError):  # some drivers refuse to be read
            zones[f"{(zone / 'type').read_text().strip()} {zone.name}"] = int((zone / "temp").read_text()) / 1000
    for word in (*PROCESSOR_ZONES, ""):
        if found := [degrees for name, degrees in zones.items() if word in name.lower()]:
            return max(found)
    return None


def read_clock(root: Path = ROOT) -> float | None:
    """Clock of the fastest core in MHz; None where the kernel has no cpufreq, as in most virtual machines."""
    clocks = []
    for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"):
        with suppress(OSError, ValueError):
            clocks.append(int(file.read_text()) / 1000)
    return max(clocks, default=None)


def read_throttle_bits(root: Path = ROOT) -> int | None:
    """The firmware's `get_throttled` word; None on other boards, and where this user may not read it."""
    with suppress(OSError, ValueError):
        return int((root / FIRMWARE).read_text().strip(), 16)
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        command = ["vcgencmd", "get_throttled"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
        return int(done.stdout.strip().partition("=")[2], 16)
    return None
