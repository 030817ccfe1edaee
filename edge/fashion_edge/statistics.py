"""Standard errors, quantiles with distribution-free intervals, and the comparison of two runs; NumPy only, for a Pi."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

TAIL = (1 - 0.95) / 2  # on either side of a confidence interval
MIN_ROUNDS = 4  # 2 / C(8, 4) = 0.029: with three rounds a side no order of them is rare enough

MOST_EXACT = 2500  # pairs of rounds; beyond them the normal approximation errs by a rank, or to the safe side


@dataclass(frozen=True)
class Interval:
    """A confidence interval, in the unit of the samples."""

    low: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many times slower the second run is: 1.1 means 10 % slower. `interval` is None with too few rounds."""

    value: float
    interval: Interval | None

    @property
    def words(self) -> str:
        """`1.9x faster`, `no difference`, `1.10x slower here`, or that there are too few rounds."""
        if self.interval is None:
            return f"not enough rounds to compare (at least {MIN_ROUNDS} on each side)"
        if self.interval.low <= 1 <= self.interval.high:
            return "no difference"
        return f"{1 / self.value:.2f}x faster" if self.value < 1 else f"{self.value:.2f}x slower here"

    @property
    def slower(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.interval is not None and self.interval.low > 1


def standard_error(share: float, count: int) -> float:
    """Standard error of a share, such as a precision.

    It is never zero, since a hundred correct ones do not prove the next: the share counts one success and one failure
    more (Laplace's rule of succession).

    Args:
        share: measured share, 0..1.
        count: how many it was measured on.

    Returns:
        The standard error, 0..0.5.

    Example:
        >>> round(standard_error(1.0, 100), 4)
        0.0099
    """
    adjusted = (share * count + 1) / (count + 2)
    return math.sqrt(adjusted * (1 - adjusted) / max(count, 1))


def median_deviation(samples: Samples) -> float:
    """Median absolute deviation from the median, not scaled to a standard deviation."""
    return float(np.median(np.abs(samples - np.median(samples))))


def samples_needed(q: float) -> int:
    """Fewest independent samples whose extremes enclose the quantile `q` with 95 % confidence: 368 for p99."""
    return math.ceil(math.log(TAIL) / math.log(max(q, 1 - q)))


def quantile_interval(samples: Samples, q: float) -> Interval | None:
    """95 % interval for the quantile `q` of samples (n,) from order statistics; None where there are too few samples.

    The number of samples below the true quantile is binomial(n, q) whatever the distribution (David and Nagaraja,
    Order Statistics, 7.1), so that ranks with a tail of at most 2.5 % on either side enclose it.
    Samples are assumed independent; where rounds disagree they are not, and fashion-bench calls the result UNSTABLE.
    """
    n = len(samples)
    if n < samples_needed(q):
        return None
    below = _binomial_cdf(n, q)  # below[k]: probability that at most k samples lie below the quantile
    low = int(np.searchsorted(below, TAIL, side="right"))  # 1-based rank: the largest k with cdf(k - 1) <= tail
    high = int(np.searchsorted(below, 1 - TAIL, side="left")) + 1
    if low < 1 or high > n:
        return None
    ranked = np.partition(samples, (low - 1, high - 1))
    return Interval(float(ranked[low - 1]), float(ranked[high - 1]))


def compare(before: list[Samples], after: list[Samples]) -> Ratio:
    """Ratio of the medians after / before, with a 95 % permutation interval over rounds, exact up to 50 a side.

    Each round is one process, and the samples of one process are correlated, so a round counts once, by its median.
    The interval holds every ratio that a two-sided Mann-Whitney test of the round medians does not reject (Hodges and
    Lehmann, 1963): no distribution is assumed.

    Args:
        before: one array of latencies (n,) a round.
        after: the same of the second run.

    Example:
        >>> compare([np.array([1.0])] * 4, [np.array([2.0])] * 4).words
        '2.00x slower here'
    """
    old, new = (np.log([np.median(block) for block in run]) for run in (before, after))
    steps = np.sort((new[:, None] - old[None, :]).ravel())
    value = float(np.exp(np.median(steps)))
    if min(len(old), len(new)) < MIN_ROUNDS:
        return Ratio(value, None)
    cut = _critical_rank(len(old), len(new))
    return Ratio(value, Interval(float(np.exp(steps[cut - 1])), float(np.exp(steps[-cut]))))


def _critical_rank(m: int, n: int) -> int:
    """Largest c with P(U <= c - 1) <= `TAIL`, for the Mann-Whitney U of m and n exchangeable rounds."""
    if m * n > MOST_EXACT:
        mean, deviation = m * n / 2, math.sqrt(m * n * (m + n + 1) / 12)
        return math.floor(mean + NormalDist().inv_cdf(TAIL) * deviation + 0.5)
    ways = np.zeros((m + 1, m * n + 1))  # ways[k, u]: choices of k rounds whose U is u
    ways[0, 0] = 1
    for rank in range(m + n):
        for k in range(min(rank, m - 1), -1, -1):
            step = rank - k  # how many of the other run's rounds lie below this one
            if step <= n:
                ways[k + 1, step:] += ways[k, : ways.shape[1] - step]
    cdf = np.cumsum(ways[m]) / math.comb(m + n, m)
    return int(np.searchsorted(cdf, TAIL, side="right"))


def _binomial_cdf(n: int, p: float) -> Samples:
    """P(X <= k) for k = 0..n of X ~ binomial(n, p), by logarithms so that large n does not underflow."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(n + 1)
    log_pmf = log_factorial[n] - log_factorial[k] - log_factorial[n - k] + k * math.log(p) + (n - k) * math.log1p(-p)
    cdf: Samples = np.cumsum(np.exp(log_pmf))
    return cdf
