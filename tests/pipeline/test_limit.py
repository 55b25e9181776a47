"""The detection limit in an analysis, and the power over an archive."""

import csv
import io
import json

import jsonschema
import numpy as np
import pytest
from plain_monitor import PIXEL_MM, RATE_HZ, make_plain, painted
from watching import TEN_BITS

from guidance.io import encode_analysis, make_analysis_schema
from guidance.pipeline import AnalysisRequest, analyze_run, format_power, measure_power
from guidance.records import (
    CArmPose,
    Cine,
    FrameTiming,
    NotFound,
    PixelScale,
    RunHeader,
    SpacingAt,
)
from guidance.spread import LimitSettings

QUICK = LimitSettings(vessels=22, power=0.7, dose_fractions=(0.2, 0.8))


@pytest.fixture(autouse=True)
def plain_monitor(monkeypatch):
    make_plain(monkeypatch)


class InMemory:
    """Reads from an array."""

    def __init__(self, frames):
        self._frames = frames

    @property
    def dtype(self):
        return self._frames.dtype

    def read(self, index):
        return self._frames[index].copy()

    def close(self):
        pass


def cine_of(frames) -> Cine:
    header = RunHeader(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.12.1",
        sop_instance_uid="2.25.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="XA",
        n_frames=frames.shape[0],
        rows=frames.shape[1],
        columns=frames.shape[2],
        bits_stored=10,
        photometric_interpretation="MONOCHROME2",
        image_type=("ORIGINAL", "PRIMARY", "SINGLE PLANE"),
        intensity=TEN_BITS,
        timing=FrameTiming(times_s=np.arange(len(frames)) / RATE_HZ, source="FrameTime"),
        scale=PixelScale(
            row_mm=PIXEL_MM, column_mm=PIXEL_MM, at=SpacingAt.ISOCENTER, source="test"
        ),
        pose=CArmPose(
            primary_angle_deg=None,
            secondary_angle_deg=None,
            patient_position=None,
            patient_orientation=None,
            distance_source_to_detector_mm=None,
            distance_source_to_patient_mm=None,
            candidates=(),
            resolved=NotFound("the header gives no angles"),
        ),
    )
    return Cine(header=header, reader=InMemory(frames))


def analyzed(frames, limit) -> dict:
    request = AnalysisRequest(detection_limit=limit)
    result = analyze_run(cine_of(frames), path="run.dcm", sha256="0" * 64, request=request)
    return json.loads(encode_analysis(result.analysis))


def test_a_run_without_uptake_says_what_it_would_have_shown():
    found = analyzed(painted(), QUICK)
    jsonschema.validate(found, json.loads(make_analysis_schema()))
    limit = found["contrast"]["detection_limit"]
    assert limit["vessel_diameter_mm"] == 1.0
    assert limit["dose_fraction"] in QUICK.dose_fractions
    assert limit["power"] == 0.7
    assert any("1 mm with at least" in ground for ground in found["contrast"]["grounds"])
    assert not any("detection_limit" in warning for warning in found["warnings"])
    assert found["settings"]["detection_limit"]["vessels"] == 22


def test_where_it_is_not_asked_for_it_is_null_and_says_so():
    found = analyzed(painted(n_frames=30), None)
    assert found["contrast"]["detection_limit"] is None
    assert any("detection_limit is null: it was not asked" in w for w in found["warnings"])
    assert found["settings"]["detection_limit"] is None


def test_a_flagged_run_has_none_and_needs_no_reason():
    found = analyzed(painted(blob=0.15), QUICK)
    assert found["contrast"]["verdict"] == "intravascular"
    assert found["contrast"]["detection_limit"] is None
    assert not any("detection_limit" in warning for warning in found["warnings"])


def test_power_over_an_archive_grows_with_dose_and_counts_what_was_left_out():
    runs = [cine_of(painted()), cine_of(painted(seed=5)), cine_of(painted(blob=0.15))]
    short = cine_of(painted(n_frames=3))
    power = measure_power([*runs, short], settings=QUICK, diameters_mm=(0.5, 1.0), vessels=4)
    assert power.flagged_anyway == 1
    assert len(power.left_out) == 1
    assert "too few frames" in power.left_out[0]
    rows = list(csv.DictReader(io.StringIO(format_power(power))))
    cells = {(float(r["vessel_diameter_mm"]), float(r["dose_fraction"])): r for r in rows}
    # A vein of half a millimetre cannot take four fifths of 0.2 mL/s.
    assert cells[0.5, 0.8]["runs"] == "0"
    assert cells[1.0, 0.2]["runs"] == cells[1.0, 0.8]["runs"] == "2"
    assert int(cells[1.0, 0.8]["flagged"]) >= 6
    assert int(cells[1.0, 0.2]["flagged"]) <= int(cells[1.0, 0.8]["flagged"])
