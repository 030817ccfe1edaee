"""Power, heat and clock: what makes a Raspberry Pi slow without a word."""

from collections.abc import Iterator

from fashion_edge.doctor.machine import Finding, Machine
from fashion_edge.telemetry import BITS, FIRMWARE, THERMAL, read_telemetry

HOT_C = 75.0  # a Pi caps its clock at 80
SLOW_GOVERNORS = ("powersave",)
SELF_SCALING = ("intel_pstate", "amd-pstate-epp")  # drivers whose powersave moves the clock all the same
CLOCK = "sys/devices/system/cpu/cpu0/cpufreq"


def check_power(machine: Machine) -> Iterator[Finding]:
    """Under-voltage and throttling, now and since boot; temperature."""
    telemetry = read_telemetry(*(machine.root / path.relative_to("/") for path in (THERMAL, FIRMWARE)))
    supply = "vcgencmd get_throttled  # then a 5 V 3 A supply with a short cable"
    cool = "vcgencmd measure_temp  # then a heat sink or a fan"
    if machine.is_pi:
        now, before = telemetry.throttled, telemetry.throttled_before
        if BITS[0] in now:
            yield Finding("power", "bad", "the supply's voltage is too low now: the clock is cut", supply)
        elif BITS[0] in before:
            yield Finding("power", "note", "the supply's voltage was too low since boot", supply)
        elif now:
            yield Finding("power", "bad", f"slowed down now: {', '.join(now)}", cool)
        elif before:
            yield Finding("power", "note", f"slowed down since boot: {', '.join(before)}", cool)
        elif not telemetry.tells_throttling:
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
