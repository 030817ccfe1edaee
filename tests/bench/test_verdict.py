import pytest

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
        (0x0, 0x80000, "temperature limit"),  # latched between two readings, over before the second
    ],
)
def test_throttle_bits_turn_the_verdict(make_result, before, after, word):
    assert judged(make_result(throttled=(before, after))) == ("INVALID", f"the board reports {word}")


def test_what_happened_before_the_run_does_not_count(make_result):
    assert judged(make_result(throttled=(0x50005 & 0xF0000, 0x50000)))[0] == "VALID"


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
