"""Logistic regression against known coefficients, known limits and its own definition."""

import numpy as np
import pytest
from scipy import optimize, special

from guidance.errors import InputError
from guidance.training import fit_line
from guidance.training._logistic import log_loss, logit

TRUE, OFFSET = np.array([1.2, -0.7, 0.0]), -0.4


def cases(count: int = 20_000, seed: int = 0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((count, 3))
    positive = rng.random(count) < special.expit(values @ TRUE + OFFSET)
    return values, positive, np.ones(count)


def test_known_coefficients_come_back():
    line = fit_line(*cases(), ridge=0.0)
    # Standard errors are about 0.02 with 20,000 cases.
    np.testing.assert_allclose(line.weights, TRUE, atol=0.08)
    assert line.offset == pytest.approx(OFFSET, abs=0.08)


def test_the_answer_is_the_minimum_of_its_definition():
    values, positive, _ = cases(200)
    shares = np.random.default_rng(3).uniform(0.2, 2, 200)
    found = fit_line(values, positive, shares, ridge=2.0)

    def cost(line):
        margin = np.where(positive, 1, -1) * (values @ line[:3] + line[3])
        return float(shares @ np.log1p(np.exp(-margin)) + 1.0 * line[:3] @ line[:3])

    best = optimize.minimize(cost, np.zeros(4), method="Nelder-Mead", options={"maxiter": 20_000})
    assert cost(np.append(found.weights, found.offset)) <= best.fun + 1e-6


def test_counting_a_case_twice_is_having_it_twice():
    values, positive, shares = cases(300)
    shares[:100] = 2
    doubled = [np.concatenate([part, part[:100]]) for part in (values, positive)]
    once = fit_line(values, positive, shares, ridge=1.0)
    twice = fit_line(*doubled, np.ones(400), ridge=1.0)
    np.testing.assert_allclose(once.weights, twice.weights, atol=1e-4)


def test_a_penalty_shrinks_and_leaves_the_prevalence():
    values, positive, shares = cases(2000)
    sizes = [
        np.linalg.norm(fit_line(values, positive, shares, ridge=r).weights) for r in (0, 30, 1e3)
    ]
    assert sizes == sorted(sizes, reverse=True)
    flat = fit_line(values, positive, shares, ridge=1e9)
    assert flat.offset == pytest.approx(logit(positive.mean()), abs=1e-3)


def test_signs_are_kept_and_the_rest_is_fitted_on():
    values, positive, shares = cases()
    line = fit_line(values, positive, shares, ridge=0.0, signs=np.array([0.0, 1.0, -1.0]))
    assert line.weights[1] == 0  # it wanted to be -0.7
    assert line.weights[2] <= 0
    assert line.weights[0] > 0.9
    agreed = fit_line(values, positive, shares, ridge=0.0, signs=np.array([1.0, -1.0, 0.0]))
    np.testing.assert_allclose(agreed.weights, TRUE, atol=0.08)


def test_separated_cases_are_held_by_the_penalty():
    values = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    line = fit_line(values, np.array([False, False, True, True]), np.ones(4), ridge=1.0)
    assert 0 < line.weights[0] < 5
    assert line.offset == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("positive", [True, False])
def test_cases_of_one_kind_are_refused(positive):
    with pytest.raises(InputError, match="both kinds"):
        fit_line(np.zeros((4, 1)), np.full(4, positive), np.ones(4), ridge=1.0)


def test_values_that_are_no_numbers_are_refused():
    values, positive, shares = cases(10)
    values[3, 1] = np.nan
    with pytest.raises(InputError, match="not a number"):
        fit_line(values, positive, shares, ridge=1.0)


def test_log_loss_is_that_of_its_definition():
    odds, positive = np.array([2.0, -1.0, 0.0]), np.array([True, False, True])
    shares = np.array([1.0, 2.0, 1.0])
    p = special.expit(odds)
    expected = -(np.log(p[0]) + 2 * np.log(1 - p[1]) + np.log(p[2])) / 4
    assert log_loss(odds, positive, shares) == pytest.approx(expected)
