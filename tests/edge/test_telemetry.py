from pathlib import Path

import pytest

from fashion_edge.telemetry import FIRMWARE, Telemetry, read_telemetry, read_temperature


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def write_zone(root: Path, number: int, kind: str, millidegrees: str) -> None:
    zone = f"sys/class/thermal/thermal_zone{number}"
    write(root, **{f"{zone}/type": kind, f"{zone}/temp": millidegrees})


def test_the_processor_counts_and_not_the_hotter_radio(tmp_path):
    write_zone(tmp_path, 0, "iwlwifi_1", "71000")
    write_zone(tmp_path, 1, "cpu-thermal", "48312")
    assert read_temperature(tmp_path) == pytest.approx(48.312)


def test_a_zone_that_cannot_be_read_is_skipped(tmp_path):
    write_zone(tmp_path, 0, "cpu-thermal", "")
    write_zone(tmp_path, 1, "acpitz", "40000")
    assert read_temperature(tmp_path) == 40.0


def test_the_clock_is_that_of_the_fastest_core(tmp_path):
    for core, clock in enumerate(("600000", "1500000", "broken")):
        write(tmp_path, **{f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq": clock})
    assert read_telemetry(tmp_path).clock_mhz == 1500.0


def test_a_machine_without_sensors(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path) == Telemetry()


def test_throttling_now_and_before(tmp_path):
    write(tmp_path, **{FIRMWARE: "50005"})  # under-voltage and throttled: now, and since boot
    assert read_telemetry(tmp_path).throttled == ("under-voltage", "throttled")
    write(tmp_path, **{FIRMWARE: "50000"})
    now = read_telemetry(tmp_path)
    assert (now.throttled, now.throttled_before) == ((), ("under-voltage", "throttled"))


def test_vcgencmd_runs_where_the_kernel_has_no_file(tmp_path, monkeypatch):
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x80000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path).throttled_before == ("temperature limit",)
