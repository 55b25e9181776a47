"""A suite that is streamed gives what its runs give one by one, whoever makes them."""

import json
from dataclasses import replace
from functools import cache

import pytest
from small_runs import Fingerprint, coarse_patient, coarse_patients, small_suite

from guidance.errors import InputError, StorageError
from guidance.simulation import Suite, simulate_run, stream_suite

WORK = Fingerprint()


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Let patients be coarse, and each be made once for all tests."""
    monkeypatch.setattr(
        "guidance.simulation._stream.prepare_patient", lambda name, settings: coarse_patient(name)
    )
    with coarse_patients():
        yield


@cache
def suite() -> Suite:
    return small_suite()


@cache
def one_by_one() -> dict[int, tuple[int, str, bytes]]:
    return {run.index: WORK(simulate_run(run, coarse_patient(run.anatomy))) for run in suite().runs}


def values_of(outcomes) -> dict[int, object]:
    found = list(outcomes)
    assert len({outcome.index for outcome in found}) == len(found)
    assert [outcome.error for outcome in found if outcome.error] == []
    return {outcome.index: outcome.value for outcome in found}


def test_streamed_runs_are_those_made_one_by_one():
    assert values_of(stream_suite(suite(), range(4), WORK)) == one_by_one()
    assert len({value[1] for value in one_by_one().values()}) == 4


def test_what_was_made_before_does_not_matter():
    # A call that goes on where another stopped finds the same runs.
    assert values_of(stream_suite(suite(), [3], WORK)) == {3: one_by_one()[3]}
    assert values_of(stream_suite(suite(), [2, 1], WORK)) == {i: one_by_one()[i] for i in (1, 2)}
    assert values_of(stream_suite(suite(), [], WORK)) == {}


def test_runs_come_as_they_are_made():
    made = []

    def work(run):
        made.append(run.settings.index)
        return None

    stream = stream_suite(suite(), range(4), work)
    first = next(stream)
    assert made == [first.index]
    stream.close()
    assert made == [first.index]


def test_a_patient_is_prepared_once(monkeypatch):
    prepared = []

    def prepare(name, settings):
        prepared.append(name)
        return coarse_patient(name)

    monkeypatch.setattr("guidance.simulation._stream.prepare_patient", prepare)
    values_of(stream_suite(suite(), range(4), lambda run: None))
    assert sorted(prepared) == sorted(suite().patients)


def with_one_that_fails() -> Suite:
    # Nobody blocks a nerve at T11: there is no target there.
    runs = list(suite().runs)
    where = replace(runs[1].needle, vertebra=type(runs[1].needle.vertebra)("T11"))
    runs[1] = replace(runs[1], needle=where)
    return replace(suite(), runs=tuple(runs))


def test_a_run_that_cannot_be_made_costs_only_itself():
    outcomes = {o.index: o for o in stream_suite(with_one_that_fails(), range(4), WORK)}
    assert sorted(outcomes) == [0, 1, 2, 3]
    assert "T11" in outcomes[1].error
    assert outcomes[1].value is None
    for index in (0, 2, 3):
        assert outcomes[index].value == one_by_one()[index]


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ValueError("unforeseen")])
def test_work_that_fails_costs_only_its_run(error):
    def work(run):
        if run.settings.index == 2:
            raise error
        return run.settings.index

    outcomes = {o.index: o for o in stream_suite(suite(), range(4), work)}
    assert str(error) in outcomes[2].error
    assert [outcomes[index].value for index in range(4)] == [0, 1, None, 3]


def test_what_is_not_in_the_suite_is_refused():
    for indices, workers in (([4], 1), ([-1], 1), ([0], 0)):
        with pytest.raises(InputError, match="suite small has 4"):
            next(stream_suite(suite(), indices, WORK, workers=workers))


@pytest.mark.slow
def test_two_processes_give_what_one_gives():
    suite = with_one_that_fails()
    outcomes = {o.index: o for o in stream_suite(suite, range(4), WORK, workers=2)}
    assert "T11" in outcomes[1].error
    for index in (0, 2, 3):
        assert outcomes[index].value == one_by_one()[index]
    assert json.loads(outcomes[3].value[2])["index"] == 3
