"""How the machine is doing: temperature, throttling, and what this process takes of it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

THERMAL = Path("/sys/class/thermal")
FIRMWARE = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")  # Raspberry Pi kernels
PROCESSOR = ("cpu", "soc", "x86_pkg", "coretemp")  # in the type of the zones that matter, the best first
BITS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "temperature limit"}
SINCE_BOOT = 16  # the same four, shifted: at any time since boot


@dataclass(frozen=True)
class Telemetry:
    """One reading; None and () where the machine does not tell."""

    temperature_c: float | None = None
    throttled: tuple[str, ...] = ()  # now
    throttled_before: tuple[str, ...] = ()  # at some time since boot, not now
    tells_throttling: bool = False  # else the two before are empty for want of an answer


def read_telemetry(thermal: Path = THERMAL, firmware: Path = FIRMWARE) -> Telemetry:
    """Read it; up to some ten milliseconds where a program must be asked."""
    answer = _throttle_bits(firmware)
    bits = answer or 0
    now = tuple(name for bit, name in BITS.items() if bits >> bit & 1)
    before = tuple(name for bit, name in BITS.items() if bits >> bit + SINCE_BOOT & 1 and name not in now)
    return Telemetry(read_temperature(thermal), now, before, answer is not None)


def read_temperature(thermal: Path = THERMAL) -> float | None:
    """Of the processor, in degrees Celsius: the hottest of the zones that say so, else of all."""
    zones: dict[str, float] = {}
    for zone in sorted(thermal.glob("thermal_zone*")):
        try:
            zones[f"{(zone / 'type').read_text().strip()} {zone.name}"] = int((zone / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue  # a zone may be there and refuse to be read
    for word in (*PROCESSOR, ""):
        if found := [degrees for name, degrees in zones.items() if word in name.lower()]:
            return max(found)
    return None


def _throttle_bits(firmware: Path) -> int | None:
    """The firmware's `get_throttled` word; None on machines without one, and where it is not for this user."""
    try:
        return int(firmware.read_text().strip(), 16)
    except (OSError, ValueError):
        pass
    if not (program := shutil.which("vcgencmd")):
        return None
    try:
        done = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=2, check=True)
        return int(done.stdout.strip().partition("=")[2], 16)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
