"""Intervals: over anatomies and not over runs, decided by the seed; Wilson's as published."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.evaluation._bootstrap import (
    ClusterBootstrap,
    percentile_interval,
    wilson_interval,
)
from guidance.evaluation._weighted import mean_of


def bootstrap(clusters, seed=0, replicates=400):
    return ClusterBootstrap(clusters, replicates, np.random.default_rng(seed))


def width(clusters, values, seed=0, replicates=400):
    drawn = bootstrap(clusters, seed, replicates)
    mean = mean_of(np.asarray(values, float), np.ones(len(clusters), bool))
    interval = percentile_interval(drawn.resample([mean])[0], drawn.n_clusters, 0.95)
    return interval.high - interval.low


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits, n, low, high):
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I.
    found = wilson_interval(hits, n, 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_an_empty_share_has_no_interval():
    assert wilson_interval(0, 0, 0.95).low is None


def test_clusters_are_drawn_whole():
    drawn = bootstrap(["a", "b", "a", "c"])
    weights = np.concatenate(list(drawn.weights()))
    assert weights.shape == (400, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_copies_of_a_run_tell_nothing_new():
    values = np.random.default_rng(1).normal(size=40)
    names = [f"p{i}" for i in range(40)]
    once = width(names, values)
    copied = width(np.repeat(names, 5), np.repeat(values, 5))
    taken_as_runs = width([f"r{i}" for i in range(200)], np.repeat(values, 5))
    assert copied == pytest.approx(once)
    assert taken_as_runs < 0.6 * copied


def test_runs_of_their_own_give_the_normal_interval():
    values = np.random.default_rng(2).normal(size=400)
    names = [str(i) for i in range(400)]
    # 2 * 1.96 standard errors, to the few percent that 2000 resamples leave open.
    assert width(names, values, replicates=2000) == pytest.approx(
        2 * 1.96 * values.std() / 20, rel=0.08
    )


def test_the_seed_decides():
    names, values = [str(i % 15) for i in range(60)], np.arange(60.0)
    assert width(names, values, seed=3) == width(names, values, seed=3)
    assert width(names, values, seed=3) != width(names, values, seed=4)


def test_too_few_anatomies_give_no_interval():
    values = np.random.default_rng(0).normal(size=100)
    assert percentile_interval(values, 9, 0.95).low is None
    assert percentile_interval(values, 10, 0.95).low is not None


def test_resamples_without_an_answer_are_left_out_while_few():
    values = np.arange(100.0)
    values[:5] = np.nan
    assert percentile_interval(values, 20, 0.9).low is not None
    values[:20] = np.nan
    assert percentile_interval(values, 20, 0.9).low is None


def test_an_interval_may_reach_never():
    values = np.r_[np.full(60, 1.0), np.full(40, np.inf)]
    interval = percentile_interval(values, 20, 0.95)
    assert (interval.low, interval.high) == (1.0, np.inf)


def test_a_chunk_is_not_seen():
    names = [str(i % 20) for i in range(3000)]
    mean = mean_of(np.sin(np.arange(3000.0)), np.ones(3000, bool))
    small, large = (bootstrap(names, replicates=n).resample([mean]) for n in (400, 400))
    assert np.array_equal(small, large)
    assert small.shape == (1, 400)


def test_nothing_asked_nothing_answered():
    assert bootstrap(["a"]).resample([]).shape == (0, 400)
    assert bootstrap([]).resample([]).shape == (0, 400)


def test_one_resample_is_no_bootstrap():
    with pytest.raises(InputError, match="replicates is 1"):
        bootstrap(["a"], replicates=1)
