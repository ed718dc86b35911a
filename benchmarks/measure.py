"""Two things measured side by side, so that a machine that slows down or speeds up does so for both.

A round times the one and then the other, each for as many calls as take about `ROUND_NS` of this thread's CPU
time; the next round times them in the other order. The garbage collector runs as it does in a program.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import repeat
from statistics import median, quantiles
from time import thread_time_ns
from typing import NamedTuple

__all__ = ["Ratio", "Run", "compare", "compare_samples"]

Run = Callable[[], object]

ROUND_NS = 3_000_000
#: No comparison takes much longer than this, except that it has `_FEWEST` rounds.
_BUDGET_NS = 2_500_000_000
_FEWEST = 5


class Ratio(NamedTuple):
    """How many times as much the subject costs as the reference."""

    #: Median of the ratios of the rounds.
    median: float
    #: Ratio of the 10th percentiles of both: what the machine can do when nothing disturbs it.
    low: float
    #: Median cost of one call of each; microseconds where time is measured.
    subject: float
    reference: float


def compare(subject: Run, reference: Run, rounds: int) -> Ratio:
    """The CPU time of the subject as a multiple of the reference's."""
    calls = _calibrated(subject), _calibrated(reference)
    cost = _timed(subject, calls[0]) + _timed(reference, calls[1])
    rounds = max(_FEWEST, min(rounds, int(_BUDGET_NS / max(cost, 1))))
    pairs: list[tuple[float, float]] = []
    gc.collect()
    for number in range(rounds):
        if number % 2:
            first = _timed(reference, calls[1])
            pairs.append((_timed(subject, calls[0]) / calls[0], first / calls[1]))
        else:
            first = _timed(subject, calls[0])
            pairs.append((first / calls[0], _timed(reference, calls[1]) / calls[1]))
    return compare_samples([(one / 1e3, other / 1e3) for one, other in pairs])


def compare_samples(pairs: list[tuple[float, float]]) -> Ratio:
    """The ratio of samples of (subject, reference) that were taken together."""
    subjects, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return Ratio(
        median=median(one / other for one, other in pairs),
        low=_tenth(subjects) / _tenth(references),
        subject=median(subjects),
        reference=median(references),
    )


def _tenth(samples: list[float]) -> float:
    return quantiles(samples, n=10, method="inclusive")[0] if len(samples) > 1 else samples[0]


def _calibrated(run: Run) -> int:
    """How many calls take a round's time; the calls made to find out warm everything up."""
    calls = 1
    while True:
        spent = _timed(run, calls)
        if spent >= ROUND_NS / 2:
            return max(1, round(calls * ROUND_NS / spent))
        calls = max(calls + 1, min(calls * 10, int(calls * ROUND_NS / max(spent, 1))))


def _timed(run: Run, calls: int) -> int:
    """Nanoseconds of this thread's CPU that so many calls take."""
    start = thread_time_ns()
    for _ in repeat(None, calls):
        run()
    return thread_time_ns() - start
