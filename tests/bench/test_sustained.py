import pytest

from fashion_bench.cases import Case
from fashion_bench.sustained import Window, judge_sustained, parse_duration

CASE = Case("model.int8.tflite", "litert", "int8", 4, 187_000)


def windows(p50: list[float], **more) -> list[Window]:
    facts = {"clock_mhz": None, "temperature_c": None, "throttled": None, "other_cores": 0.0, **more}
    return [Window(10.0 * i, 1000, ms, ms * 1.2, ms * 2, ms * 5, **facts) for i, ms in enumerate(p50)]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("45", 45), ("1.5m", 90)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


def test_a_device_that_holds_its_speed():
    found = judge_sustained(CASE, windows([1.0] * 6), "performance")
    assert (found["verdict"], found["ratio"], found["reasons"]) == ("VALID", 1.0, [])


def test_a_device_that_grows_slow():
    found = judge_sustained(CASE, windows([1.0, 1.0, 1.2, 1.5, 1.6, 1.6]), "ondemand")
    assert (found["verdict"], found["burst_p50_ms"], found["sustained_p50_ms"]) == ("UNSTABLE", 1.0, 1.6)
    assert found["reasons"] == ["sustained is 1.60x the burst under governor ondemand"]


def test_a_board_that_throttles():
    hot = windows([1.0, 1.0], throttled=0) + windows([1.7, 1.8], throttled=0x40004, clock_mhz=600.0)
    found = judge_sustained(CASE, hot, "performance")
    assert found["verdict"] == "INVALID"
    assert found["reasons"][0] == "the board reports throttled"


def test_other_programs_are_said():
    found = judge_sustained(CASE, windows([1.0] * 3, other_cores=0.7), None)
    assert found["reasons"] == ["other programs keep 0.7 cores busy"]
