from pathlib import Path

import pytest

from fashion_edge.telemetry import Telemetry, read_telemetry, read_temperature

CLOCK = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"


def write(root: Path, text: str, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("zones", "celsius"),
    [
        ([("iwlwifi_1", "71000"), ("cpu-thermal", "48312")], 48.312),
        ([("cpu-thermal", ""), ("acpitz", "40000")], 40.0),
    ],
    ids=["the processor counts and not the hotter radio", "a zone that cannot be read is skipped"],
)
def test_the_temperature_is_that_of_the_processor(tmp_path, zones, celsius):
    for number, (kind, millidegrees) in enumerate(zones):
        write(tmp_path, kind, f"sys/class/thermal/thermal_zone{number}/type")
        write(tmp_path, millidegrees, f"sys/class/thermal/thermal_zone{number}/temp")
    assert read_temperature(tmp_path) == pytest.approx(celsius)


def test_the_clock_is_that_of_the_fastest_core(tmp_path):
    for core, clock in enumerate(("600000", "1500000", "broken")):
        write(tmp_path, clock, CLOCK.format(core))
    assert read_telemetry(tmp_path).clock_mhz == 1500.0


def test_a_machine_without_sensors(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path) == Telemetry()


def test_vcgencmd_runs_where_the_kernel_has_no_file(tmp_path, monkeypatch):
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x80000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path).throttled_before == ("temperature limit",)
