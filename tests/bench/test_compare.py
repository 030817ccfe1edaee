import pytest

from fashion_bench.verdict import check_gate, compare_documents
from fashion_edge.errors import GateError


def lines(before, now) -> list[str]:
    return [found.line for found in compare_documents(before, now)]


def test_faster_slower_and_neither(make_result, make_document):
    before = make_document(
        make_result(p50=1.9), make_result(threads=2), make_result("model.onnx", "onnx", "float32", p50=2.0)
    )
    now = make_document(
        make_result(p50=1.0, seed=1),
        make_result(threads=2, seed=2),
        make_result("model.onnx", "onnx", "float32", p50=2.4, seed=3),
    )
    found = lines(before, now)
    assert found[0].startswith("litert int8 x1: 1.90x faster (ratio 0.52")
    assert found[1].startswith("litert int8 x2: no difference (ratio 1.0")
    assert found[2].startswith("onnx float32 x1: 1.20x slower here (ratio 1.20")


def test_what_came_and_what_went_are_said(make_result, make_document):
    before, now = make_document(make_result(threads=4)), make_document(make_result(threads=1))
    assert lines(before, now) == [
        "litert int8 x1: new, not in the baseline",
        "litert int8 x4: in the baseline, not measured now",
    ]


def test_an_empty_case_is_laid_to_the_document_that_is_empty(make_result, make_document):
    from dataclasses import replace

    empty = replace(make_result(), rounds=())
    (said,) = lines(make_document(empty), make_document(make_result()))
    assert said == "litert int8 x1: in the baseline, not judged: it holds no samples there; measure it again"
    (said,) = lines(make_document(make_result()), make_document(empty))
    assert said == "litert int8 x1: in the baseline, not measured now: no samples"


def test_the_gate_lets_the_same_pass(make_result, make_document):
    check_gate(compare_documents(make_document(make_result()), make_document(make_result(seed=1))), 1.05)


def test_the_gate_stops_a_regression(make_result, make_document):
    found = compare_documents(make_document(make_result()), make_document(make_result(p50=1.1, seed=1)))
    with pytest.raises(GateError, match=r"the gate 1\.05 says no: litert int8 x1 is 1\.10x slower here"):
        check_gate(found, 1.05)


def test_the_gate_lets_a_slow_down_pass_that_it_was_told_to_bear(make_result, make_document):
    found = compare_documents(make_document(make_result()), make_document(make_result(p50=1.1, seed=1)))
    check_gate(found, 1.25)


def test_the_gate_does_not_believe_what_is_invalid(make_result, make_document):
    from dataclasses import replace

    bad = replace(make_result(seed=1), verdict="INVALID", reasons=("throttled",))
    with pytest.raises(GateError, match="cannot be judged"):
        check_gate(compare_documents(make_document(make_result()), make_document(bad)), 1.05)


def test_the_gate_needs_rounds_enough(make_result, make_document):
    found = compare_documents(make_document(make_result(rounds=2)), make_document(make_result()))
    with pytest.raises(GateError, match="not enough rounds to compare"):
        check_gate(found, 1.05)


def test_the_gate_stops_what_is_gone_and_what_compares_nothing(make_result, make_document):
    found = compare_documents(make_document(make_result(threads=4)), make_document(make_result()))
    with pytest.raises(GateError, match="x4: in the baseline, not measured now; no case stands in both"):
        check_gate(found, 1.05)


def test_every_result_of_several_files_is_held_against_the_gate(make_result, make_document):
    fast, slow = make_document(make_result(p50=1.0)), make_document(make_result(p50=3.0), make_result(p50=1.0, seed=1))
    with pytest.raises(GateError, match="slower"):
        check_gate(compare_documents(fast, slow), 1.5)
