"""How a simulated study lies on disk, and the UIDs that its runs and its CT share."""

from dataclasses import dataclass
from pathlib import Path

from guidance.errors import InputError
from guidance.io._write_common import derive_uid

# No file holds a real day; this one lies long before the project.
DUMMY_DAY = "20000101"
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyUids:
    """What ties the objects of one study together.

    Attributes
    ----------
    study_instance_uid : str
        Of all runs and the CT.
    frame_of_reference_uid : str
        Likewise: the simulator's runs and CT share one patient frame, LPS in millimetres.
    """

    study_instance_uid: str
    frame_of_reference_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlace:
    """Where a run stands in a study.

    Attributes
    ----------
    uids : StudyUids
        Of the study.
    series_number, instance_number : int
        As consoles count them, from 1.
    second_of_day : float or None
        When the run began on the one day that simulated studies have, 2000-01-01; None leaves dates
        and times empty. Seconds from midnight.
    """

    uids: StudyUids
    series_number: int = 1
    instance_number: int = 1
    second_of_day: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if min(self.series_number, self.instance_number) < 1:
            raise InputError(
                f"series {self.series_number}, instance {self.instance_number}: both count from 1"
            )
        second = self.second_of_day
        if second is not None and not 0 <= second < SECONDS_PER_DAY:
            raise InputError(f"second_of_day is {second}, expected 0 to {SECONDS_PER_DAY}")

    @property
    def day_and_time(self) -> tuple[str, str] | None:
        """The dummy day and the time of day, as DA and TM have them; None without."""
        if self.second_of_day is None:
            return None
        minutes, seconds = divmod(int(self.second_of_day * 1000), 60_000)
        return DUMMY_DAY, f"{minutes // 60:02d}{minutes % 60:02d}{seconds / 1000:06.3f}"


def plan_study_uids(seed: int, content: str = "") -> StudyUids:
    """Return the UIDs of a study, derived from what it is made of.

    Parameters
    ----------
    seed : int
        Of the study.
    content : str
        Whatever else decides what the study holds: the suite and its version, settings as JSON.
        Two studies that share a seed but not this have different UIDs.

    Examples
    --------
    >>> plan_study_uids(1) == plan_study_uids(1)
    True
    >>> plan_study_uids(1) == plan_study_uids(1, "evaluation-v2")
    False
    """
    made_of = f"simulated {seed} {content}"
    return StudyUids(
        study_instance_uid=derive_uid("study", made_of),
        frame_of_reference_uid=derive_uid("frame of reference", made_of),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFolder:
    """The layout of a study: ``runs/*.dcm``, ``ct/*.dcm`` and ``truth.json``.

    Attributes
    ----------
    path : Path
        The study's folder; need not exist yet.
    """

    path: Path

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.path / "runs"

    @property
    def ct(self) -> Path:
        """Folder of the CT series."""
        return self.path / "ct"

    @property
    def truth(self) -> Path:
        """The file that holds what is true of the runs."""
        return self.path / "truth.json"

    def run_file(self, index: int) -> Path:
        """Return the file of a run, counted from 0; its name gives nothing away."""
        if index < 0:
            raise InputError(f"run {index}: runs count from 0")
        return self.runs / f"run_{index:04d}.dcm"

    def relative(self, path: Path) -> str:
        """Return a path below the study as `truth.json` has it, with forward slashes."""
        return path.relative_to(self.path).as_posix()
