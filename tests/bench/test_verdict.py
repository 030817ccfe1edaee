import pytest

from fashion_bench.machine import PI_THROTTLED, read_telemetry, read_throttled, throttle_words
from fashion_bench.verdict import Needs, judge

NEEDS = Needs(seconds=3.0, samples=400)


def judged(result, cores: int = 4, governor: str | None = "performance"):
    found = judge(result, NEEDS, cores, governor)
    return found.verdict, " | ".join(found.reasons)


def test_a_quiet_machine_with_samples_enough_is_valid(make_result):
    assert judged(make_result()) == ("VALID", "")


def test_too_few_samples(make_result):
    verdict, reasons = judged(make_result(samples=[1.0] * 10))
    assert verdict == "INVALID"
    assert "60 samples, at least 400 are needed" in reasons


def test_zero_samples_are_invalid_and_have_no_figures(make_result):
    result = judge(make_result(rounds=0), NEEDS, 4, None)
    assert result.verdict == "INVALID"
    assert "0 samples, at least 400 are needed" in result.reasons
    assert "p50_ms" not in result.to_json()


def test_too_short_a_time(make_result):
    verdict, reasons = judged(make_result(seconds=0.3))
    assert verdict == "INVALID"
    assert "1.80 s measured, at least 3 s are needed" in reasons


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (0x0, 0x1, "under-voltage"),
        (0x0, 0x4, "throttled"),
        (0x2, 0x0, "frequency capped"),
        (0x0, 0x80000, "soft temperature limit"),  # latched between two readings, over before the second
    ],
)
def test_throttle_bits_turn_the_verdict(make_result, before, after, word):
    assert judged(make_result(throttled=(before, after))) == ("INVALID", f"the board reports {word}")


def test_what_happened_before_the_run_does_not_count(make_result):
    assert judged(make_result(throttled=(0x50005 & 0xF0000, 0x50000)))[0] == "VALID"


def test_throttle_bits_in_sysfs_turn_the_verdict(make_result, tmp_path):
    file = tmp_path / PI_THROTTLED
    file.parent.mkdir(parents=True)
    words = []
    for text in ("0\n", "50005\n"):
        file.write_text(text)
        words.append(read_throttled(tmp_path))
    assert words == [0, 0x50005]
    verdict, reasons = judged(make_result(throttled=tuple(words)))
    assert verdict == "INVALID"
    assert reasons == "the board reports throttled, under-voltage"


def test_clock_and_temperature_are_read_from_sysfs(tmp_path):
    for path, text in (
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "600000\n"),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1500000\n"),
        ("sys/class/thermal/thermal_zone0/temp", "61234\n"),
        ("sys/class/thermal/thermal_zone1/temp", "broken\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = read_telemetry(tmp_path)
    assert (found.clock_mhz, found.temperature_c, found.throttled) == (1500.0, 61.234, None)


def test_a_board_that_says_nothing_gives_nothing(tmp_path):
    found = read_telemetry(tmp_path)
    assert (found.clock_mhz, found.temperature_c, found.throttled) == (None, None, None)
    assert throttle_words(None, None) == ()


def test_other_programs_make_it_unstable(make_result):
    verdict, reasons = judged(make_result(other_cores=0.6))
    assert (verdict, reasons) == ("UNSTABLE", "other programs keep 0.6 cores busy")


def test_other_programs_on_the_cores_that_are_needed_make_it_invalid(make_result):
    verdict, reasons = judged(make_result(threads=4, other_cores=0.6))
    assert (verdict, reasons) == ("INVALID", "other programs keep 0.6 of 4 cores busy, 4 are needed here")


def test_rounds_that_disagree_make_it_unstable(make_result):
    from dataclasses import replace

    slow, fast = make_result(p50=2.0, rounds=3), make_result(rounds=3)
    verdict, reasons = judged(replace(fast, rounds=fast.rounds + slow.rounds))
    assert verdict == "UNSTABLE"
    assert "medians of the rounds lie" in reasons


def test_one_round_is_not_called_stable(make_result):
    verdict, reasons = judged(make_result(samples=[1.0] * 500, rounds=1, seconds=3.0))
    assert (verdict, "one round only" in reasons) == ("UNSTABLE", True)


def test_a_clock_that_moves_names_its_governor(make_result):
    verdict, reasons = judged(make_result(clock_mhz=(600.0, 1500.0)), governor="ondemand")
    assert (verdict, reasons) == ("UNSTABLE", "the clock moved between 600 and 1500 MHz under governor ondemand")
