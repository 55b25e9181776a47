"""Recalibration finds again what cases were drawn from."""

import numpy as np
import pytest

from guidance.spread import mix_unseen
from guidance.training._stretch import fit_stretch


def drawn(slope, offset, unseen, n=6000, seed=0):
    """Return log-odds and truth of cases whose ratios are known: half are positive."""
    rng = np.random.default_rng(seed)
    positive = np.arange(2 * n) < n
    # Normal scores of equal width: the log likelihood ratio is a straight line through them.
    middle, width = -offset / slope, np.sqrt(2 * 1.5 / slope)
    shift = slope * width**2
    leaves_mark = positive & (rng.random(2 * n) >= unseen)
    odds = rng.normal(middle - shift / 2, width, 2 * n) + shift * leaves_mark
    return odds, positive


@pytest.mark.parametrize(
    ("slope", "offset", "unseen"), [(1.0, 0.0, 0.001), (2.0, -3.0, 0.4), (0.5, 1.0, 0.25)]
)
def test_the_numbers_are_found_again(slope, offset, unseen):
    odds, positive = drawn(slope, offset, unseen)
    found = fit_stretch(odds, positive, np.ones(odds.size))
    assert found.slope == pytest.approx(slope, rel=0.15)
    assert found.offset == pytest.approx(offset, abs=0.3)
    assert found.unseen == pytest.approx(unseen, abs=0.06)
    expected = mix_unseen(offset + slope * odds, unseen)
    assert np.abs(found.at(odds) - expected).mean() < 0.15


def test_cases_may_count_twice():
    odds, positive = drawn(1.5, -1.0, 0.3, n=800)
    twice = fit_stretch(np.tile(odds, 2), np.tile(positive, 2), np.ones(2 * odds.size))
    weighed = fit_stretch(odds, positive, np.full(odds.size, 2.0))
    assert twice.slope == pytest.approx(weighed.slope, rel=0.02)
    assert twice.unseen == pytest.approx(weighed.unseen, abs=0.02)
