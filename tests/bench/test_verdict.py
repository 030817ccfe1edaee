"""Verdicts of results, comparison with a baseline, the gate, and the choice for a device."""

import pytest
from msgspec.structs import replace

from fashion_bench import Timing
from fashion_bench.cases import Case
from fashion_bench.document import Window
from fashion_bench.verdict import check_gate, choose_result, compare_documents, evaluate, evaluate_sustained
from fashion_edge.errors import GateError

TIMING = Timing(min_seconds=3.0, min_samples=400)
CASE = Case("model.int8.tflite", "litert", "int8", 4, 187_000)


def verdict_of(result, cores: int = 4, governor: str | None = "performance") -> tuple[str, str]:
    found = evaluate(result, TIMING, cores, governor)
    return found.verdict, " | ".join(found.reasons)


ONE_ROUND = {"samples": [1.0] * 500, "rounds": 1, "seconds": 3.0}


@pytest.mark.parametrize(
    ("how", "verdict", "reason"),
    [
        ({}, "VALID", ""),
        ({"samples": [1.0] * 10}, "INVALID", "60 samples, at least 400 are needed"),
        ({"seconds": 0.3}, "INVALID", "1.80 s measured, at least 3 s are needed"),
        ({"other_cores": 0.6}, "UNSTABLE", "other programs keep 0.6 cores busy"),
        ({"threads": 4, "other_cores": 0.6}, "INVALID", "other programs keep 0.6 of 4 cores busy, 4 are needed here"),
        (ONE_ROUND, "UNSTABLE", "one round only: whether another process would agree is not known"),
        (
            {"clock_mhz": (600.0, 1500.0)},
            "UNSTABLE",
            "the clock moved between 600 and 1500 MHz under governor ondemand",
        ),
    ],
)
def test_verdict_and_its_reason(make_result, how, verdict, reason):
    assert verdict_of(make_result(**how), governor="ondemand") == (verdict, reason)


def test_no_samples_are_invalid_and_have_no_figures(make_result):
    result = evaluate(make_result(rounds=0), TIMING, 4, None)
    assert result.verdict == "INVALID"
    assert "0 samples, at least 400 are needed" in result.reasons
    assert "p50_ms" not in result.to_json()


def test_rounds_that_disagree_are_unstable(make_result):
    slow, fast = make_result(p50=2.0, rounds=3), make_result(rounds=3)
    both = replace(fast, samples_ms=fast.samples_ms + slow.samples_ms, rounds=fast.rounds + slow.rounds)
    verdict, reasons = verdict_of(both)
    assert verdict == "UNSTABLE"
    assert "medians of the rounds lie" in reasons


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (0x0, 0x1, "under-voltage"),
        (0x0, 0x4, "throttled"),
        (0x2, 0x0, "frequency capped"),
        (0x0, 0x80000, "temperature limit"),  # latched between two readings, over before the second
        (0x0, 0x50005, "throttled, under-voltage"),
        (0x50000, 0x50000, None),  # before the run
    ],
)
def test_throttling_during_the_run_is_invalid(make_result, before, after, word):
    expected = ("INVALID", f"the board reports {word}") if word else ("VALID", "")
    assert verdict_of(make_result(throttled=(before, after))) == expected


def windows(*p50: float, **more) -> list[Window]:
    facts = {"clock_mhz": None, "temperature_c": None, "throttled": None, "other_cores": 0.0, **more}
    return [Window(start_s=10.0 * i, p50_ms=ms, p90_ms=ms * 1.2, **facts) for i, ms in enumerate(p50)]


HOT = [*windows(1.0, 1.0, throttled=0), *windows(1.7, 1.8, throttled=0x40004, clock_mhz=600.0)]


@pytest.mark.parametrize(
    ("measured", "verdict", "ratio", "reason"),
    [
        (windows(*[1.0] * 6), "VALID", 1.0, None),
        (
            windows(1.0, 1.0, 1.2, 1.5, 1.6, 1.6),
            "UNSTABLE",
            1.6,
            "sustained is 1.60x the first window under governor x",
        ),
        (HOT, "INVALID", 1.8, "the board reports throttled"),
        (windows(1.0, 1.0, 1.0, other_cores=0.7), "UNSTABLE", 1.0, "other programs keep 0.7 cores busy"),
    ],
    ids=["holds its speed", "gets slower", "throttles", "other programs"],
)
def test_verdict_of_a_sustained_run(measured, verdict, ratio, reason):
    found = evaluate_sustained(CASE, measured, "x")
    assert (found.verdict, found.burst_p50_ms, found.sustained_p50_ms) == (verdict, 1.0, ratio)
    assert next(iter(found.reasons), None) == reason


def lines(before, now) -> list[str]:
    return [found.line for found in compare_documents(before, now)]


def test_faster_slower_and_no_difference(make_result, make_document):
    def document(p50s: tuple[float, ...], seed: int):
        cases = ({}, {"threads": 2}, {"file": "model.onnx", "engine": "onnx", "precision": "float32"})
        return make_document(*(make_result(p50=p50, seed=seed, **case) for p50, case in zip(p50s, cases, strict=True)))

    found = lines(document((1.9, 1.0, 2.0), 0), document((1.0, 1.0, 2.4), 1))
    assert found[0].startswith("litert int8 x1: 1.90x faster (ratio 0.52")
    assert found[1].startswith("litert int8 x2: no difference (ratio 1.0")
    assert found[2].startswith("onnx float32 x1: 1.20x slower here (ratio 1.20")


def test_new_and_missing_cases(make_result, make_document):
    assert lines(make_document(make_result(threads=4)), make_document(make_result(threads=1))) == [
        "litert int8 x1: new, not in the baseline",
        "litert int8 x4: in the baseline, not measured now",
    ]


def test_a_case_without_samples_names_the_document_that_lacks_them(make_result, make_document):
    empty, full = make_document(make_result(rounds=0)), make_document(make_result())
    known = "litert int8 x1: in the baseline, "
    assert lines(empty, full) == [f"{known}not compared: it holds no samples there; measure it again"]
    assert lines(full, empty) == [f"{known}not measured now: no samples"]


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ({}, {"p50": 1.1, "seed": 1}, r"the gate 1\.05 says no: litert int8 x1 is 1\.10x slower here"),
        ({}, {"verdict": "INVALID", "seed": 1}, r"cannot be compared \(this run INVALID: do not rely on it\)"),
        ({"rounds": 2}, {}, "not enough rounds to compare"),
        ({"threads": 4}, {}, "x4: in the baseline, not measured now; no case is in both"),
    ],
)
def test_the_gate_says_no(make_result, make_document, before, now, why):
    found = compare_documents(make_document(make_result(**before)), make_document(make_result(**now)))
    with pytest.raises(GateError, match=why):
        check_gate(found, 1.05)


def test_the_gate_covers_every_result_of_merged_files_and_passes_what_is_fast_enough(make_result, make_document):
    fast, slow = make_document(make_result(p50=1.0)), make_document(make_result(p50=3.0), make_result(p50=1.0, seed=1))
    with pytest.raises(GateError, match="slower"):
        check_gate(compare_documents(fast, slow), 1.5)
    for p50, gate in ((1.0, 1.05), (1.1, 1.25)):
        check_gate(compare_documents(fast, make_document(make_result(p50=p50, seed=1))), gate)


@pytest.mark.parametrize(
    ("other", "chosen", "floor"),
    [
        ({"p50": 2.0}, {"p50": 1.0}, None),
        ({"threads": 4, "p50": 0.999}, {"threads": 1, "seed": 1}, None),
        ({"p50": 0.5, "exact_match": 0.62}, {"p50": 1.0, "exact_match": 0.95}, 0.9),
    ],
    ids=["the fastest", "fewer threads among equals", "above the accuracy floor"],
)
def test_the_chosen_result(make_result, other, chosen, floor):
    results = [make_result("a", **other), make_result("b", **chosen)]
    assert choose_result(results, floor) is results[1]


def test_where_none_qualifies_each_has_its_reason(make_result):
    wrong, unmeasured = make_result(exact_match=0.62), make_result(threads=2)
    invalid = make_result(threads=3, verdict="INVALID", reasons=("60 samples, at least 400 are needed",))
    other_engine = make_result(engine="tensorflow", threads=4)
    with pytest.raises(GateError) as error:
        choose_result([wrong, unmeasured, invalid, other_engine], 0.9)
    assert "x1: exact match 62.0% is below 90.0%" in str(error.value)
    assert "x2: its accuracy was not measured, add --photos" in str(error.value)
    assert "x3: INVALID, 60 samples" in str(error.value)
    assert "x4: fashion-edge does not run this engine" in str(error.value)
