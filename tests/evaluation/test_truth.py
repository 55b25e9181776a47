"""Truth comes back from both kinds of file; what is missing or wrong is named."""

import json

import pytest

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.evaluation import (
    TargetTruth,
    TipTruth,
    VesselKind,
    decode_truth,
    format_truth_table,
    known_suites,
    read_suite_truth,
)
from guidance.io import run_name
from guidance.records import SpreadPattern

FULL = {
    "pattern": SpreadPattern.MIXED,
    "vessel_dose_fraction": 0.123456789012345,
    "vessel_diameter_mm": 1.1,
    "vessel": VesselKind.ARTERIAL,
    "uptake_s": 3.0,
    "first_visible_vessel_s": 3.75,
    "vessel_visible_in_last_frame": True,
    "washout_s": 12.5,
    "frame_dose_ngy": 40.0,
    "motion_mm": 0.8,
    "level": Vertebra.L4,
    "side": Side.RIGHT,
    "view": "oblique",
    "header": "sparse",
    "variants": ("end_on", "remote"),
    "spacing_iso_mm": 0.31,
    "tips": (TipTruth(frame=0, position_px=(10.25, 20.5)), TipTruth(frame=3, position_px=(11, 21))),
    "targets": (
        TargetTruth(
            nerve="L3 medial branch",
            side=Side.LEFT,
            groove_superior_px=(1.0, 2.0),
            block_point_px=(3.0, 4.0),
        ),
    ),
}


def test_a_table_gives_back_what_it_was_made_of(make_truth):
    cases = (make_truth(0), make_truth(1, **FULL), make_truth(2, onset_frame=None, onset_s=None))
    text = format_truth_table(cases)
    assert decode_truth(text.encode()).cases == cases
    assert decode_truth(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()).cases == cases


def entry(**changes):
    return {"patient": "p1", "pattern": "none", "duration_s": 5.0, **changes}


def decode(runs, **about):
    return decode_truth(json.dumps({"runs": runs, **about}).encode())


def test_a_simulators_file_may_hold_more(make_truth):
    uid = "1.2.3"
    truth = decode(
        {
            "a.dcm": entry(
                sop_instance_uid=uid,
                times_s=[0, 2.5, 5],
                tip_px=[[1, 2], None, [3, 4]],
                phantom={"anything": [1, {"else": None}]},
                variants=["late"],
            )
        },
        suite="samples",
        made_with={"numpy": "2"},
    )
    (case,) = truth.cases
    assert case.run == run_name(uid)
    assert (truth.name, case.suite, case.index, case.variants) == (
        "samples",
        "samples",
        0,
        ("late",),
    )
    assert case.tips == (
        TipTruth(frame=0, position_px=(1, 2)),
        TipTruth(frame=2, position_px=(3, 4)),
    )
    assert case.time_of(1) == 2.5


def test_a_run_is_known_by_any_of_three_names():
    name = "0123456789ab"
    cases = decode(
        {name: entry(), "b": entry(run="ab" * 6), "c": entry(sop_instance_uid="1")}
    ).cases
    assert [case.run for case in cases] == [name, "ab" * 6, run_name("1")]


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ({"a": entry()}, "neither run nor sop_instance_uid"),
        ({"a": {"pattern": "none", "duration_s": 1}}, "patient"),
        ({"a": entry(pattern="venous")}, "venous"),
        ({"a": entry(run="ab" * 6, vessel_dose_fraction="0.5")}, "vessel_dose_fraction"),
        ({"a": entry(run="ab" * 6, vessel_dose_fraction=0.5)}, "contrast is in a vessel"),
        ({}, "holds no run"),
    ],
)
def test_a_faulty_file_is_named_by_its_fault(runs, said):
    with pytest.raises(InputError, match=said):
        decode(runs)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no column run"),
        (b"{", "not a truth.json"),
        (b"{}", "runs"),
        (b"\xff\xfe", "UTF-8"),
        (b"run,suite\n", "has no column index, patient, pattern, duration_s"),
        (b"run,suite,index,patient,pattern,duration_s,run\n", "names a column twice"),
        (b"run,suite,index,patient,pattern,duration_s\n1,2\n", "line 2 .* has 2 cells"),
        (b"run,suite,index,patient,pattern,duration_s\nabababababab,s,x,p,none,1\n", "line 2.*int"),
        (b"run,suite,index,patient,pattern,duration_s\nab,s,1,p,none,1\n", "line 2.*hexadecimal"),
        (
            b"run,suite,index,patient,pattern,duration_s,tips\nabababababab,s,1,p,none,1,1:2\n",
            "line 2.*frame:row:column",
        ),
        (b'run,suite,index,patient,pattern,duration_s\n"' + b"x" * 200_000, "no table"),
    ],
)
def test_a_faulty_table_is_named_by_its_line(data, said):
    with pytest.raises(InputError, match=said):
        decode_truth(data)


def test_an_unknown_suite_lists_the_known():
    with pytest.raises(InputError, match="known suites: "):
        read_suite_truth("no such suite")
    assert all("/" not in name for name in known_suites())


def test_every_shipped_suite_can_be_read():
    for suite in known_suites():
        assert {case.suite for case in read_suite_truth(suite).cases} == {suite}


def test_truth_is_known_by_its_bytes(make_truth):
    text = format_truth_table([make_truth(0)])
    assert decode_truth(text.encode()).sha256 == decode_truth(text.encode()).sha256
    other = format_truth_table([make_truth(0, duration_s=9.0)])
    assert decode_truth(other.encode()).sha256 != decode_truth(text.encode()).sha256
