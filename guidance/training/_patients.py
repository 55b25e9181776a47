"""The patient that a process worked on last: he takes seconds to build, and is asked for again."""

from dataclasses import dataclass

from guidance.simulation import Patient, Suite, prepare_patient


@dataclass(slots=True)
class _Process:
    """What a process holds."""

    patient: Patient | None = None


_here = _Process()


def take_patient(suite: Suite, name: str) -> Patient:
    """Return a patient of a suite, built only if he is not the last one asked for."""
    if _here.patient is None or _here.patient.name != name:
        _here.patient = None  # the old one goes before the new one comes
        _here.patient = prepare_patient(name, suite.patients[name])
    return _here.patient
