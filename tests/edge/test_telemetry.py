from pathlib import Path

import pytest

from fashion_edge.telemetry import Telemetry, read_telemetry, read_temperature


def zone(folder: Path, number: int, kind: str, millidegrees: str) -> None:
    path = folder / f"thermal_zone{number}"
    path.mkdir(parents=True)
    (path / "type").write_text(kind + "\n")
    (path / "temp").write_text(millidegrees + "\n")


def test_the_processor_counts_and_not_the_hotter_radio(tmp_path: Path) -> None:
    zone(tmp_path, 0, "iwlwifi_1", "71000")
    zone(tmp_path, 1, "cpu-thermal", "48312")
    assert read_temperature(tmp_path) == pytest.approx(48.312)


def test_a_zone_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    zone(tmp_path, 0, "cpu-thermal", "")
    zone(tmp_path, 1, "acpitz", "40000")
    assert read_temperature(tmp_path) == 40.0


def test_a_machine_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path, tmp_path / "none") == Telemetry()


def test_throttling_now_and_before(tmp_path: Path) -> None:
    (tmp_path / "get_throttled").write_text("50005\n")  # under-voltage and throttled: now, and since boot
    assert read_telemetry(tmp_path, tmp_path / "get_throttled").throttled == ("under-voltage", "throttled")
    (tmp_path / "get_throttled").write_text("50000\n")
    now = read_telemetry(tmp_path, tmp_path / "get_throttled")
    assert (now.throttled, now.throttled_before) == ((), ("under-voltage", "throttled"))


def test_vcgencmd_is_asked_where_the_kernel_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x80000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_telemetry(tmp_path, tmp_path / "none").throttled_before == ("temperature limit",)
