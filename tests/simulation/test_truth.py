"""truth.json: comes back as it was, says what is wrong with it, and fits its schema."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError, StorageError
from guidance.evaluation import decode_truth as read_for_evaluation
from guidance.geometry import ConeBeamView, project
from guidance.io import plan_study_uids, run_name
from guidance.records import SpreadPattern, Verdict
from guidance.simulation._truth import (
    DETECTABILITY_RULE,
    SCHEMA,
    InjectionTruth,
    LandmarkTruth,
    MotionTruth,
    NeedleTruth,
    PoseTruth,
    RunTruth,
    StudyTruth,
    TargetTruth,
)
from guidance.simulation._truth_file import (
    decode_truth,
    encode_truth,
    make_truth_schema,
    read_truth,
    write_truth,
)

UID = "2.25.1234"
VIEW = ConeBeamView(
    primary_angle_deg=155.0,
    secondary_angle_deg=-5.0,
    isocenter_lps_mm=(1.0, 2.0, 3.0),
    sid_mm=1000.0,
    sod_mm=650.0,
    rows=512,
    columns=512,
    spacing_det_mm=(0.4, 0.4),
    roll_deg=2.0,
    mirrored=True,
)
PLACE = LandmarkTruth(lps_mm=(20.0, 30.0, -4.0), px=(250.5, 260.25))
INJECTION = InjectionTruth(
    start_s=0.2,
    end_s=1.7,
    volume_ml=0.5,
    concentration_mg_per_ml=240.0,
    iodine_mg=120.0,
    tip_lps_mm=(20.0, 30.0, -4.0),
    pattern=SpreadPattern.MIXED,
    vessel_dose_fraction=0.3,
    onset_frame=2,
)
NEEDLE = NeedleTruth(
    gauge=22,
    tip_lps_mm=(20.0, 30.0, -4.0),
    direction_lps=(0.0, -1.0, 0.0),
    tip_px=(250.5, 260.25),
    direction_px=None,
)
RUN = RunTruth(
    name=run_name(UID),
    sop_instance_uid=UID,
    file="runs/run_0000.dcm",
    suite="train",
    index=0,
    seed=7,
    simulator_version="0.2.0",
    patient="train-0001",
    pattern=SpreadPattern.MIXED,
    verdict=Verdict.INTRAVASCULAR,
    is_vascular=True,
    vessel="venous",
    vessel_diameter_mm=1.2,
    vessel_dose_fraction=0.3,
    uptake_s=0.25,
    washout_s=None,
    variants=("remote", "late"),
    level=Vertebra.L4,
    side=Side.LEFT,
    target_nerve="L3 medial branch",
    view="oblique",
    header="sparse",
    n_frames=4,
    duration_s=0.5,
    times_s=(0.0, 0.125, 0.25, 0.5),
    first_iodine_frame=1,
    onset_frame=2,
    onset_s=0.25,
    first_visible_vessel_frame=2,
    first_visible_vessel_s=0.25,
    last_visible_vessel_frame=3,
    vessel_visible_in_last_frame=True,
    injections=(INJECTION,),
    residue_iodine_mg=0.0,
    tip_px=((250.5, 260.25), (250.5, 260.5), None, (251.0, 260.0)),
    needle=NEEDLE,
    other_needles=(replace(NEEDLE, gauge=25, tip_px=None),),
    landmarks={
        "L4.left.groove_superior": PLACE,
        "T11.body": LandmarkTruth(lps_mm=(0.0, 0.0, 150.0), px=None),
    },
    targets=(
        TargetTruth(
            nerve="L3 medial branch",
            vertebra=Vertebra.L4,
            side=Side.LEFT,
            groove_superior_lps_mm=(20.0, 30.0, -4.0),
            groove_inferior_lps_mm=(21.0, 32.0, -9.0),
            block_point_lps_mm=(20.5, 31.0, -6.5),
            groove_superior_px=(250.5, 260.25),
            groove_inferior_px=(270.5, 262.0),
            block_point_px=(260.5, 261.0),
        ),
    ),
    tip_to_target_mm=1.25,
    tip_to_target_in_plane_mm=0.75,
    pose=PoseTruth.of_view(VIEW, "prone"),
    spacing_iso_mm=0.26,
    motion=MotionTruth(
        bone_shift_px=((0.0, 0.0), (0.1, 0.0), (0.2, -0.1), (0.1, 0.0)),
        scale=(1.0, 1.0, 1.0, 1.01),
    ),
    motion_mm=0.4,
    frame_dose_ngy=30.0,
    kvp=78.5,
    iodine_in_image_mg=(0.0, 10.0, 60.0, 120.0),
    iodine_in_vessel_mg=(0.0, 0.0, 12.0, 20.0),
    warnings=(),
)
NEGATIVE = replace(
    RUN,
    name=run_name("2.25.99"),
    sop_instance_uid="2.25.99",
    index=1,
    pattern=SpreadPattern.EPIDURAL,
    verdict=Verdict.EXTRAVASCULAR,
    is_vascular=False,
    vessel=None,
    vessel_diameter_mm=None,
    vessel_dose_fraction=0.0,
    uptake_s=None,
    first_visible_vessel_frame=None,
    first_visible_vessel_s=None,
    last_visible_vessel_frame=None,
    vessel_visible_in_last_frame=False,
    tip_to_target_mm=None,
)
NO_CONTRAST = {
    "injections": (),
    "first_iodine_frame": None,
    "onset_frame": None,
    "onset_s": None,
}
FIRST, SECOND = RUN.name, NEGATIVE.name
UIDS = plan_study_uids(7)
STUDY = StudyTruth(
    schema=SCHEMA,
    about="Simulated",
    detectability_rule=DETECTABILITY_RULE,
    seed=7,
    made_with={"numpy": "2.4.6"},
    study_instance_uid=UIDS.study_instance_uid,
    frame_of_reference_uid=UIDS.frame_of_reference_uid,
    ct="ct",
    runs={RUN.name: RUN, NEGATIVE.name: NEGATIVE},
)


def edited(*path: str | int, value: object = None, remove: bool = False) -> bytes:
    """Return the study's file with one field changed or taken out."""
    document = json.loads(encode_truth(STUDY))
    at = document
    for key in path[:-1]:
        at = at[key]
    if remove:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(document).encode()


def test_what_is_written_comes_back(tmp_path: Path):
    write_truth(tmp_path / "truth.json", STUDY)
    assert read_truth(tmp_path / "truth.json") == STUDY
    data = (tmp_path / "truth.json").read_bytes()
    assert data == encode_truth(STUDY) == encode_truth(decode_truth(data))
    # One run a line: a change of one run is a change of one line.
    assert sum(b'"sop_instance_uid"' in line for line in data.splitlines()) == 2


def test_a_study_without_runs_is_one():
    empty = replace(STUDY, runs={}, ct=None, study_instance_uid=None)
    assert decode_truth(encode_truth(empty)) == empty


def test_it_fits_the_schema_and_the_schema_refuses_what_the_reader_refuses():
    schema = json.loads(make_truth_schema())
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(validator.iter_errors(json.loads(encode_truth(STUDY)))) == []
    for wrong in (
        edited("runs", FIRST, "extra", value=1),
        edited("runs", FIRST, "pattern", value="tubular"),
        edited("runs", FIRST, "times_s", remove=True),
        edited("runs", FIRST, "needle", "tip_px", value=[1.0]),
        edited("schema", value="guidance.truth/1"),
    ):
        assert list(validator.iter_errors(json.loads(wrong)))
        with pytest.raises(InputError):
            decode_truth(wrong)


def test_the_pose_is_the_view():
    assert RUN.pose.view == VIEW
    points = np.array([[20.0, 30.0, -4.0]])
    np.testing.assert_array_equal(project(RUN.pose.view, points)[0], project(VIEW, points)[0])
    assert RUN.pose.spacing_iso_mm == pytest.approx((0.26, 0.26))


def test_evaluation_reads_it():
    cases = {case.run: case for case in read_for_evaluation(encode_truth(STUDY)).cases}
    case = cases[FIRST]
    assert (case.patient, case.suite, case.pattern) == ("train-0001", "train", RUN.pattern)
    assert case.first_visible_vessel_s == 0.25
    assert case.vessel_visible_in_last_frame
    assert (case.vessel_dose_fraction, case.vessel_diameter_mm) == (0.3, 1.2)
    assert (case.motion_mm, case.frame_dose_ngy, case.spacing_iso_mm) == (0.4, 30.0, 0.26)
    assert [tip.frame for tip in case.tips] == [0, 1, 3]
    assert case.targets[0].block_point_px == (260.5, 261.0)
    assert not cases[SECOND].is_vascular


def test_the_rule_is_told_in_words():
    assert "5 times" in DETECTABILITY_RULE
    assert "vessel" in DETECTABILITY_RULE


FAULTS = {
    "not json": (b"{", "truth.json: "),
    "no object": (b"[]", "schema is 'None'"),
    "the first schema": (edited("schema", value="guidance.truth/1"), "expected 'guidance.truth/2'"),
    "unknown field": (edited("runs", SECOND, "onset", value=3), rf"\$.runs.{SECOND}.onset`"),
    "unknown deep": (edited("runs", FIRST, "pose", "tilt", value=3), rf"\$.runs.{FIRST}.pose.tilt"),
    "missing": (edited("runs", FIRST, "kvp", remove=True), rf"`kvp`.*\$.runs.{FIRST}`"),
    "null": (edited("runs", FIRST, "times_s", 2, value=None), rf"\$.runs.{FIRST}.times_s\[2\]`"),
    "text": (edited("runs", FIRST, "kvp", value="80"), rf"\$.runs.{FIRST}.kvp`"),
    "no vertebra": (edited("runs", FIRST, "level", value="L6"), rf"'L6'.*\$.runs.{FIRST}.level`"),
    "fraction of a frame": (edited("runs", FIRST, "onset_frame", value=1.5), r"\.onset_frame"),
    "name": (edited("runs", FIRST, "name", value="abc"), "expected '" + run_name(UID)),
    "short list": (edited("runs", FIRST, "tip_px", value=[]), "tip_px .* 0 entries for 4 frames"),
    "another name": (
        edited("runs", SECOND, value=json.loads(encode_truth(STUDY))["runs"][FIRST]),
        f"stands under '{SECOND}'",
    ),
    "infinite": (
        encode_truth(STUDY).replace(b'"frame_dose_ngy":30.0', b'"frame_dose_ngy":1e999'),
        "truth.json: ",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_file_is_refused_by_file_and_field(name):
    data, message = FAULTS[name]
    with pytest.raises(InputError, match=message) as caught:
        decode_truth(data)
    assert str(caught.value).startswith("truth.json: ")
    assert "make it again" in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_not_written(number, tmp_path):
    wrong = replace(STUDY, runs={FIRST: RUN, SECOND: replace(NEGATIVE, kvp=number)})
    with pytest.raises(InputError, match=rf"\$.runs.{SECOND}.kvp is not a finite number"):
        write_truth(tmp_path / "truth.json", wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_said_without_its_path(tmp_path):
    with pytest.raises(StorageError, match=r"^truth.json cannot be read") as caught:
        read_truth(tmp_path / "truth.json")
    assert str(tmp_path) not in str(caught.value)


CONTRADICTIONS = {
    "verdict": ({"verdict": Verdict.EXTRAVASCULAR}, "expected intravascular"),
    "is_vascular": ({"is_vascular": False}, "is_vascular False"),
    "no vessel": ({"vessel": None}, "its vessel is not told"),
    "no dose": ({"vessel_dose_fraction": 0.0}, "its vessel is not told"),
    "share": ({"vessel_dose_fraction": 1.2}, "expected 0 to 1"),
    "vessel": ({"vessel": "lymphatic"}, "venous, arterial"),
    "onset": ({"onset_s": 0.3}, "onset_frame is 2 at 0.25"),
    "count": ({"n_frames": 5}, "5 frames in 0.5 s"),
    "duration": ({"duration_s": 0.6}, "4 frames in 0.6 s"),
    "spacing": ({"spacing_iso_mm": 0.4}, "its pose gives"),
    "order": ({"onset_frame": 0}, "expected them in order"),
    "beyond": ({"last_visible_vessel_frame": 4}, "expected them in order"),
    "last": ({"vessel_visible_in_last_frame": False}, "vessel_visible_in_last_frame"),
    "half told": ({"last_visible_vessel_frame": None}, "vessel_visible_in_last_frame"),
    "times": ({"times_s": (0.0, 0.2, 0.2, 0.3)}, "start at 0 and rise"),
    "no injection": ({"injections": ()}, "with 0 injections"),
    "no iodine": ({"first_iodine_frame": None}, "expected both"),
    "late start": ({"times_s": (0.1, 0.2, 0.3, 0.4)}, "start at 0 and rise"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_truth_that_contradicts_itself_is_refused(name):
    changes, message = CONTRADICTIONS[name]
    with pytest.raises(InputError, match=message):
        replace(RUN, **changes)


def test_a_negative_has_no_vessel():
    for changes in (
        {"vessel_dose_fraction": 0.1},
        {"uptake_s": 1.0},
        {"first_visible_vessel_frame": 2, "last_visible_vessel_frame": 2},
    ):
        with pytest.raises(InputError, match="yet a vessel is told of"):
            replace(NEGATIVE, **changes)


def test_parts_refuse_what_cannot_be():
    with pytest.raises(InputError, match="expected 100"):
        replace(INJECTION, concentration_mg_per_ml=200.0)
    with pytest.raises(InputError, match="correct its times"):
        replace(INJECTION, end_s=0.1)
    with pytest.raises(InputError, match="prone, supine"):
        replace(RUN.pose, patient_position="on the side")
    with pytest.raises(InputError, match="the distances give"):
        replace(RUN.pose, sod_mm=600.0)
    with pytest.raises(InputError, match="scale falls to 0"):
        replace(RUN.motion, scale=(1.0, 0.0, 1.0, 1.0))


def test_every_pattern_has_its_verdict():
    for pattern in SpreadPattern:
        base = RUN if pattern in (SpreadPattern.VASCULAR, SpreadPattern.MIXED) else NEGATIVE
        expected = {
            SpreadPattern.NONE: Verdict.NONE,
            SpreadPattern.VASCULAR: Verdict.INTRAVASCULAR,
            SpreadPattern.MIXED: Verdict.INTRAVASCULAR,
        }.get(pattern, Verdict.EXTRAVASCULAR)
        if pattern is SpreadPattern.NONE:
            with pytest.raises(InputError, match="expected neither"):
                replace(base, pattern=pattern, verdict=expected)
            base = replace(base, pattern=pattern, verdict=expected, **NO_CONTRAST)
        assert replace(base, pattern=pattern, verdict=expected).verdict is expected


def test_the_records_go_through_msgspec_whole():
    assert msgspec.convert(msgspec.to_builtins(RUN), RunTruth) == RUN
