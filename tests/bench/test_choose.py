from dataclasses import replace

import pytest

from fashion_bench.app import choose
from fashion_edge.errors import GateError


def with_accuracy(result, share: float):
    return result.with_extras(accuracy={"photos": 100, "exact_match": share})


def test_the_fastest_wins(make_result):
    slow, fast = make_result("a", p50=2.0), make_result("b", p50=1.0)
    assert choose([slow, fast], None) is fast


def test_among_equals_fewer_threads_win(make_result):
    four, one = make_result(threads=4, p50=0.999), make_result(threads=1, seed=1)
    assert choose([four, one], None) is one


def test_the_accuracy_floor_rules_out(make_result):
    wrong = with_accuracy(make_result("a", p50=0.5), 0.62)
    right = with_accuracy(make_result("b", p50=1.0), 0.95)
    assert choose([wrong, right], 0.9) is right


def test_nothing_qualifies(make_result):
    wrong, unmeasured = with_accuracy(make_result(), 0.62), make_result(threads=2)
    invalid = replace(make_result(threads=3), verdict="INVALID", reasons=("60 samples, at least 400 are needed",))
    with pytest.raises(GateError) as error:
        choose([wrong, unmeasured, invalid], 0.9)
    assert "x1: exact match 62.0% is below 90.0%" in str(error.value)
    assert "x2: its accuracy was not measured, add --photos" in str(error.value)
    assert "x3: INVALID, 60 samples" in str(error.value)


def test_an_engine_that_the_device_does_not_run_is_not_chosen(make_result):
    with pytest.raises(GateError, match="fashion-edge does not run this engine"):
        choose([make_result(engine="tensorflow")], None)
