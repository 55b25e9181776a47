"""Where the runs of a suite lie, and which patients of it are meant.

A folder holds for each run its DICOM file, its truth and its labels: ``00012.dcm``, ``00012.json``,
``00012.npz``. The truth is written last: where it is, the run is whole.

Patients are meant by their numbers in the suite, from 0: ``0-29`` are the first thirty. No patient
may be on both sides of a split, so a split is always one of patients, never one of runs.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from guidance.errors import InputError, StorageError
from guidance.simulation import RunTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRange:
    """Patients of a suite by their numbers.

    Attributes
    ----------
    first, last : int
        Both are meant too; from 0.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse ranges of nobody."""
        if not 0 <= self.first <= self.last:
            raise InputError(
                f"patients {self.first}-{self.last}, expected FIRST-LAST from 0, as 0-29"
            )

    def holds(self, patient: str) -> bool:
        """Return whether a patient, by his name in the suite, is meant."""
        return self.first <= patient_number(patient) <= self.last

    def __str__(self) -> str:
        """Return what `parse_patients` reads."""
        return f"{self.first}-{self.last}"


EVERYBODY = PatientRange(first=0, last=99_999)


def parse_patients(text: str) -> PatientRange:
    """Return the patients that a word names: ``"0-29"``, or ``"30"`` for the first thirty.

    Raises
    ------
    InputError
        It names none.
    """
    found = re.fullmatch(r"(?:(\d{1,5})-)?(\d{1,5})", text)
    if found is None:
        raise InputError(f"patients {text[:40]!r}; write FIRST-LAST from 0, as 0-29, or a count")
    first, last = found.groups()
    if first is None:
        return PatientRange(first=0, last=int(last) - 1)
    return PatientRange(first=int(first), last=int(last))


def patient_number(patient: str) -> int:
    """Return a patient's number in his suite: 12 of ``"tr012"``.

    Raises
    ------
    InputError
        The name holds none.
    """
    found = re.search(r"\d+$", patient)
    if found is None:
        raise InputError(f"patient {patient[:40]!r} has no number; give runs of a suite")
    return int(found.group())


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder, and which of its patients count.

    Attributes
    ----------
    folder : Path
        Of runs, examples or measurements.
    patients : PatientRange
        Of the suite whose runs it holds.
    """

    folder: Path
    patients: PatientRange


def parse_source(text: str) -> Source:
    """Return what ``"FOLDER"`` or ``"FOLDER@FIRST-LAST"`` names.

    Raises
    ------
    InputError
        There is no such folder, or the patients are not named right.
    """
    folder, at, patients = text.rpartition("@")
    if not at:
        folder, patients = text, ""
    if not Path(folder).is_dir():
        raise InputError(f"{Path(folder).name[:60]!r} is no folder; give FOLDER or FOLDER@0-29")
    return Source(folder=Path(folder), patients=parse_patients(patients) if patients else EVERYBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """The files of one run.

    Attributes
    ----------
    folder : Path
        Where they lie.
    index : int
        The run's number in its suite.
    """

    folder: Path
    index: int

    @property
    def name(self) -> str:
        """The run's file name, without an ending."""
        return f"{self.index:05d}"

    @property
    def dicom(self) -> Path:
        """The run itself."""
        return self.folder / f"{self.name}.dcm"

    @property
    def truth(self) -> Path:
        """What is true of it."""
        return self.folder / f"{self.name}.json"

    @property
    def labels(self) -> Path:
        """What its contrast looks like."""
        return self.folder / f"{self.name}.npz"


def find_runs(source: Source) -> list[RunFiles]:
    """Return the whole runs of a folder that are of the patients asked for, in their order.

    Raises
    ------
    StorageError
        A truth is damaged.
    """
    names = sorted(path.stem for path in source.folder.glob("*.json"))
    runs = [
        RunFiles(folder=source.folder, index=int(name))
        for name in names
        if re.fullmatch(r"\d{5}", name)
    ]
    if source.patients == EVERYBODY:
        return runs
    return [run for run in runs if source.patients.holds(read_run_truth(run).patient)]


def require_runs(source: Source) -> list[RunFiles]:
    """Return the runs of a folder as `find_runs` does, at least one.

    Raises
    ------
    InputError
        The folder holds no runs of these patients.
    StorageError
        A truth is damaged.
    """
    runs = find_runs(source)
    if not runs:
        raise InputError(
            f"{source.folder.name!r} holds no runs of patients {source.patients}; make them first "
            "with: python -m guidance.training runs"
        )
    return runs


def read_run_truth(run: RunFiles) -> RunTruth:
    """Return what is true of a run.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    try:
        return msgspec.json.decode(run.truth.read_bytes(), type=RunTruth)
    except (OSError, msgspec.MsgspecError, InputError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise StorageError(
            f"the truth of run {run.name} cannot be read: {reason}; delete it, and make the run "
            "again with: python -m guidance.training runs"
        ) from error
