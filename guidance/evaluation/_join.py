"""Truths and results brought together by the name of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

from guidance.errors import InputError
from guidance.evaluation._cases import Case, CaseResult, CaseTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSet:
    """Truths and results brought together by the name of the run.

    Attributes
    ----------
    cases : tuple of Case
        In the order of the truths.
    without_result : tuple of CaseTruth
        Runs that the observer did not answer.
    without_truth : tuple of str
        Names of results that no truth is known for.
    """

    cases: tuple[Case, ...]
    without_result: tuple[CaseTruth, ...]
    without_truth: tuple[str, ...]


def join_cases(truths: Sequence[CaseTruth], results: Sequence[CaseResult]) -> CaseSet:
    """Bring truths and results together; what finds no partner is named, never dropped.

    Parameters
    ----------
    truths : sequence of CaseTruth
        Of a whole suite.
    results : sequence of CaseResult
        Of one observer.

    Raises
    ------
    InputError
        A run occurs twice among the truths or among the results, or no result has a truth.
    """
    _refuse_repeats("truth", [truth.run for truth in truths])
    _refuse_repeats("result", [result.run for result in results])
    by_run = {result.run: result for result in results}
    known = {truth.run for truth in truths}
    if results and not known & by_run.keys():
        raise InputError(
            f"none of the {len(results)} results is of a run of this truth "
            f"({len(truths)} runs, the first {truths[0].run if truths else 'missing'}); "
            "give the truth of the suite that was analysed"
        )
    return CaseSet(
        cases=tuple(
            Case(truth=truth, result=by_run[truth.run]) for truth in truths if truth.run in by_run
        ),
        without_result=tuple(truth for truth in truths if truth.run not in by_run),
        without_truth=tuple(sorted(by_run.keys() - known)),
    )


def _refuse_repeats(kind: str, runs: Sequence[str]) -> None:
    seen: set[str] = set()
    for run in runs:
        if run in seen:
            raise InputError(f"run {run} has more than one {kind}; keep one")
        seen.add(run)
