"""Results are read from analysis.json and from a table of scores, and mean the same."""

from dataclasses import replace

import pytest

from guidance.errors import InputError
from guidance.evaluation import TipTruth, decode_scores, format_scores, result_of_analysis
from guidance.records import (
    Analysis,
    ContrastRecord,
    FrameRecord,
    InjectionRecord,
    NeedleRecord,
    SourcePose,
    SourceRecord,
    TargetRecord,
    Verdict,
)

UNKNOWN = dict.fromkeys(
    (
        "area_px",
        "area_mm2",
        "iodine_signal_px",
        "iodine_signal_mm2",
        "relative_signal_px",
        "reach_px",
        "thin_length_px",
        "run_off",
        "intravascular_probability",
    )
)


def frame(number, tip_px=None):
    return FrameRecord(
        frame=number, time_s=number / 2, flagged=False, tip_px=tip_px, remark="", **UNKNOWN
    )


def injection(flag_frame):
    names = "end_frame pattern vessel tip_px target tip_to_target_mm reached_target origin_px"
    return InjectionRecord(
        onset_frame=1,
        flag_frame=flag_frame,
        verdict="intravascular",
        intravascular_probability=None,
        **dict.fromkeys(names.split()),
    )


@pytest.fixture
def analysis() -> Analysis:
    pose = SourcePose(
        primary_angle_deg=None,
        secondary_angle_deg=None,
        patient_position=None,
        patient_orientation=None,
        distance_source_to_detector_mm=None,
        distance_source_to_patient_mm=None,
        candidates=[],
        resolved=None,
    )
    source = SourceRecord(
        path="a.dcm",
        sha256="",
        sop_class_uid="1",
        sop_instance_uid="1.2.3.7",
        modality="XA",
        n_frames=4,
        rows=8,
        columns=8,
        frame_times_s=[0.0, 0.5, 1.0, 1.5],
        frame_times_from=None,
        spacing_mm=None,
        spacing_at=None,
        pixel_intensity_relationship="LIN",
        pose=pose,
    )
    contrast = ContrastRecord(
        onset_frame=1,
        verdict="indeterminate",
        intravascular_probability=None,
        flag_frame=None,
        pattern=None,
        detection_limit=None,
        grounds=[],
        injections=[],
        frames=[frame(number) for number in range(4)],
    )
    return Analysis(
        schema="guidance.analysis/1",
        guidance_version="0",
        settings={},
        warnings=[],
        source=source,
        contrast=contrast,
    )


def with_contrast(analysis, **changes):
    return replace(analysis, contrast=replace(analysis.contrast, **changes))


def test_what_an_analysis_says(analysis, make_result):
    expected = make_result(7, verdict=Verdict.INDETERMINATE, onset_frame=1, onset_s=0.5)
    assert result_of_analysis(analysis) == expected


def test_the_flags_of_all_injections_count(analysis):
    flagged = with_contrast(analysis, flag_frame=3, injections=[injection(3), injection(2)])
    result = result_of_analysis(flagged)
    assert result.flagged
    assert result.flag_frames == (2, 3)
    assert result.flag_s == 1.0


def test_a_probability_stands_for_a_score(analysis):
    result = result_of_analysis(with_contrast(analysis, intravascular_probability=0.75))
    assert (result.score, result.probability, result.suspicion) == (None, 0.75, 0.75)


def test_times_may_be_unknown(analysis):
    bare = replace(analysis, source=replace(analysis.source, frame_times_s=None))
    result = result_of_analysis(with_contrast(bare, flag_frame=2))
    assert (result.flag_frames, result.flag_s, result.onset_s) == ((2,), None, None)


def test_tips_and_targets(analysis):
    target = TargetRecord(
        nerve="L3 medial branch",
        vertebra="L4",
        side=None,
        point="block_point",
        position_px=(5.0, 6.0),
        uncertainty_px=None,
        uncertainty_mm=None,
        method="detection",
        confidence=None,
    )
    needle = NeedleRecord(tip_px=(1.0, 2.0), direction_px=None, frame=0, confidence=1.0)
    frames = [frame(0), frame(1, tip_px=(3.0, 4.0))]
    full = replace(
        with_contrast(analysis, frames=frames),
        needle=needle,
        targets=[target, replace(target, position_px=None)],
    )
    result = result_of_analysis(full)
    assert result.tips == (
        TipTruth(frame=0, position_px=(1.0, 2.0)),
        TipTruth(frame=1, position_px=(3.0, 4.0)),
    )
    assert [one.position_px for one in result.targets] == [(5.0, 6.0)]


def test_an_unknown_verdict_is_refused(analysis):
    with pytest.raises(InputError, match="benign"):
        result_of_analysis(with_contrast(analysis, verdict="benign"))


def test_a_table_gives_back_what_it_was_made_of(make_result):
    results = [
        make_result(0, score=-3.25, verdict=Verdict.NONE),
        make_result(1, probability=0.5, flag_frames=(4,), flag_s=2.0, onset_frame=1, onset_s=0.5),
        make_result(2, flagged=True),
    ]
    assert decode_scores(format_scores(results).encode()) == results


def test_few_columns_will_do():
    (result,) = decode_scores(b"flagged,run\ntrue,0123456789ab\n")
    assert (result.flagged, result.score, result.verdict) == (True, None, None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"run,score\n", "no column flagged"),
        (b"run,flagged\n0123456789ab,\n", "line 2.*flagged"),
        (b"run,flagged\n0123456789ab,maybe\n", "line 2"),
        (b"run,flagged,score\n0123456789ab,1,high\n", "line 2.*score"),
        (b"run,flagged,score\n0123456789ab,1,nan\n", "score .* is nan"),
        (b"run,flagged,flag_s\n0123456789ab,0,2\n", "line 2.*not flagged, yet"),
        (b"run,flagged,verdict\n0123456789ab,0,benign\n", "line 2.*verdict"),
        (b"run,flagged\nx,0\n", "line 2.*12 hexadecimal"),
    ],
)
def test_a_faulty_table_is_named_by_its_line(data, said):
    with pytest.raises(InputError, match=said):
        decode_scores(data)
