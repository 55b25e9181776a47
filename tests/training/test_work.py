"""Work on many things: in order, or in several processes; one failure stops nothing."""

from functools import partial

import pytest

from guidance.errors import InputError
from guidance.training._work import work_through


def halve(number: int, *, refused: int) -> str:
    if number == refused:
        raise InputError("not that one")
    return str(number / 2)


def found(workers: int) -> dict[int, tuple[str, str]]:
    pieces = [[1, 2], [3], [4, 5]]
    outcomes = list(work_through(pieces, partial(halve, refused=3), workers=workers))
    assert len(outcomes) == 5
    return {outcome.item: (outcome.said, outcome.error) for outcome in outcomes}


def test_every_item_is_done_and_failures_are_kept():
    assert found(1) == {
        1: ("0.5", ""),
        2: ("1.0", ""),
        3: ("", "not that one"),
        4: ("2.0", ""),
        5: ("2.5", ""),
    }


def test_work_begins_with_the_first_item_asked_for():
    done = []
    stream = work_through([[1, 2, 3]], lambda item: str(done.append(item)))
    assert next(stream).item == 1
    assert done == [1]


@pytest.mark.slow
def test_two_processes_find_the_same():
    assert found(2) == found(1)


def test_no_workers_is_an_error():
    with pytest.raises(InputError, match="0 workers"):
        list(work_through([[1]], str, workers=0))
