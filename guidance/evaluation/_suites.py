"""The truth of the frozen suites, which is shipped with the simulator as compact tables."""

from importlib.resources import files

from guidance.errors import InputError
from guidance.evaluation._truth import Truth, decode_truth

_ENDING = "-truth.csv"


def known_suites() -> list[str]:
    """Return the names of the suites whose truth is shipped."""
    folder = files("guidance.simulation") / "suites"
    if not folder.is_dir():
        return []
    return sorted(
        entry.name.removesuffix(_ENDING)
        for entry in folder.iterdir()
        if entry.name.endswith(_ENDING)
    )


def read_suite_truth(suite: str) -> Truth:
    """Return the truth of a suite.

    Parameters
    ----------
    suite : str
        Its name, as ``"evaluation"``.

    Raises
    ------
    InputError
        No truth of that name is shipped; the message lists those that are.
    """
    known = known_suites()
    if suite not in known:
        raise InputError(
            f"{suite[:60]!r} is neither a file nor a suite; known suites: "
            f"{', '.join(known) or 'none'}"
        )
    return decode_truth(
        (files("guidance.simulation") / "suites" / f"{suite}{_ENDING}").read_bytes()
    )
