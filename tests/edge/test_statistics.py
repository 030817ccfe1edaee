import math

import numpy as np
import pytest

from fashion_edge import statistics
from fashion_edge.statistics import (
    Interval,
    Ratio,
    compare,
    median_deviation,
    quantile_interval,
    samples_needed,
    standard_error,
)


def rounds(rng: np.random.Generator, factor: float = 1.0, count: int = 6) -> list[np.ndarray]:
    """Latencies of a busy board: a skewed tail, rare long stalls, and a bias of each process."""
    blocks = []
    for _ in range(count):
        bias = math.exp(rng.normal(0, 0.02))
        samples = 1.0 + rng.gamma(2.0, 0.05, 300) + (rng.random(300) < 0.01) * rng.exponential(5.0, 300)
        blocks.append(factor * bias * samples)
    return blocks


def test_the_standard_error_of_a_share_is_never_zero():
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert 0 < standard_error(1.0, 100) < 0.01
    assert standard_error(1.0, 0) == 0.5


def test_median_deviation_is_the_median_distance_from_the_median():
    assert median_deviation(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == 1.0


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.9, 36), (0.99, 368), (0.999, 3688)])
def test_a_tail_needs_this_many_samples(q, needed):
    assert samples_needed(q) == needed


def test_an_interval_is_two_of_the_samples():
    # ranks 40 and 61 of 100 are those of every table of sign-test intervals for a median
    assert quantile_interval(np.arange(1.0, 101.0), 0.5) == Interval(40.0, 61.0)


def test_no_interval_where_the_samples_do_not_reach_the_tail():
    samples = np.arange(1.0, 368.0)
    assert len(samples) == 367
    assert quantile_interval(samples, 0.99) is None
    assert quantile_interval(np.arange(1.0, 369.0), 0.99) is not None


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [400, 1000, 5000])
def test_ranks_are_those_of_the_binomial_distribution(q, n):
    binom = pytest.importorskip("scipy.stats", reason="a device has no scipy").binom
    interval = quantile_interval(np.arange(1.0, n + 1.0), q)
    low, high = int(interval.low), int(interval.high)
    assert binom.cdf(low - 1, n, q) <= 0.025 < binom.cdf(low, n, q)
    assert binom.cdf(high - 1, n, q) >= 0.975 > binom.cdf(high - 2, n, q)


@pytest.mark.parametrize("q", [0.5, 0.99])
def test_intervals_contain_the_true_quantile_at_the_stated_confidence(q):
    rng = np.random.default_rng(11)
    truth = -math.log(1 - q)  # of the exponential distribution
    intervals = [quantile_interval(rng.exponential(1.0, 500), q) for _ in range(400)]
    held = sum(interval.low <= truth <= interval.high for interval in intervals)
    assert held >= 0.93 * 400


def test_runs_without_a_difference():
    rng = np.random.default_rng(3)
    words = [compare(rounds(rng), rounds(rng)).words for _ in range(200)]
    assert words.count("no difference") >= 190


def test_a_slow_down_of_ten_percent_is_found():
    rng = np.random.default_rng(4)
    found = [compare(rounds(rng), rounds(rng, 1.10)) for _ in range(100)]
    assert sum(ratio.slower for ratio in found) >= 99
    assert np.median([ratio.value for ratio in found]) == pytest.approx(1.10, abs=0.01)


def test_the_interval_of_a_ratio_is_exact_for_literal_rounds():
    before = [np.array([value]) for value in (1.0, 1.0, 1.0, 1.0)]
    after = [np.array([value]) for value in (2.0, 2.0, 2.0, 2.0)]
    assert compare(before, after) == Ratio(pytest.approx(2.0), Interval(pytest.approx(2.0), pytest.approx(2.0)))


def critical_rank(m: int, n: int) -> int:
    """The rank of the ratio, among all m * n ratios of round medians, at which the interval begins."""
    step = 0.001  # of the logarithm; every ratio differs
    before = [np.array([math.exp(-step * n * i)]) for i in range(m)]
    after = [np.array([math.exp(step * j)]) for j in range(n)]
    interval = compare(before, after).interval
    assert interval
    return round(math.log(interval.low) / step) + 1


@pytest.mark.parametrize(("m", "n", "rank"), [(4, 4, 1), (5, 5, 3), (6, 6, 6), (8, 8, 14), (10, 10, 24)])
def test_critical_ranks_are_those_of_the_mann_whitney_table(m, n, rank):
    assert critical_rank(m, n) == rank


def test_a_thousand_rounds_a_side_compare():
    rng = np.random.default_rng(0)
    same, slower = (compare(rounds(rng, count=1000), rounds(rng, factor, count=1000)) for factor in (1.0, 1.01))
    assert (same.words, slower.words) == ("no difference", "1.01x slower here")


@pytest.mark.parametrize(("m", "n"), [(60, 60), (40, 80), (30, 100)])
def test_the_approximation_for_many_rounds_is_off_by_one_rank_at_most(m, n, monkeypatch):
    approximate = critical_rank(m, n)
    monkeypatch.setattr(statistics, "MOST_EXACT", m * n)
    assert critical_rank(m, n) - approximate in (0, 1)


def test_three_rounds_are_too_few_to_compare():
    rng = np.random.default_rng(0)
    ratio = compare(rounds(rng, count=3), rounds(rng, 3.0, count=6))
    assert ratio.interval is None
    assert ratio.words == "not enough rounds to compare (at least 4 on each side)"
    assert not ratio.slower


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (Ratio(0.5, Interval(0.4, 0.6)), "2.00x faster"),
        (Ratio(1.2, Interval(1.1, 1.3)), "1.20x slower here"),
        (Ratio(1.2, Interval(0.9, 1.4)), "no difference"),
    ],
)
def test_words(ratio, words):
    assert ratio.words == words
