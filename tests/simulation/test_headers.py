"""Drawn headers: what they tell of the true pose, what they hide, and what they get wrong."""

from collections import Counter
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.io import (
    Photometry,
    RunAttributes,
    RunKind,
    StatedTiming,
    StudyPlace,
    Technique,
    TransferSyntax,
    plan_study_uids,
    read_header,
    write_run,
)
from guidance.records import NotFound, PixelIntensityRelationship, SpacingAt
from guidance.simulation._headers import (
    HeaderKind,
    HeaderRanges,
    HeaderSettings,
    RunFacts,
    StatedPixels,
    StatedPose,
    StatedScale,
    StatedTimes,
    draw_header,
    orientation_letters,
    supine_angle,
    write_attributes,
)

VIEW = ConeBeamView(
    primary_angle_deg=155.0,
    secondary_angle_deg=-7.34,
    isocenter_lps_mm=(0.0, 0.0, 0.0),
    sid_mm=1000.0,
    sod_mm=650.0,
    rows=24,
    columns=32,
    spacing_det_mm=(0.4, 0.4),
)
FACTS = RunFacts(
    times_s=np.array([0.0, 0.125, 0.25, 0.5]),
    kvp=78.0,
    technique=Technique(tube_current_ma=3, pulse_width_ms=8.0),
    concentration_mg_per_ml=240.0,
    study=StudyPlace(uids=plan_study_uids(5), second_of_day=36_000.0),
    bits_used=10,
    relationship=PixelIntensityRelationship.LOG,
    log_span=4.0,
)
RANGES = HeaderRanges()


def attributes_of(header: HeaderSettings, facts: RunFacts = FACTS) -> RunAttributes:
    return write_attributes(header, replace(VIEW, mirrored=header.mirrored), facts)


def draws_of(kind: HeaderKind, count: int = 40) -> list[HeaderSettings]:
    only = replace(RANGES, kinds=((kind, 1.0),))
    return [draw_header(np.random.default_rng(seed), only) for seed in range(count)]


def write(path, attributes: RunAttributes) -> None:
    top = 2 ** min(attributes.bits_stored, FACTS.bits_used)
    frames = np.random.default_rng(3).integers(0, top, (4, VIEW.rows, VIEW.columns))
    write_run(path, frames.astype(np.uint8 if top == 256 else np.uint16), attributes)


def test_the_same_seed_gives_the_same_header_and_json_holds_it():
    for seed in range(50):
        header = draw_header(np.random.default_rng(seed), RANGES)
        assert header == draw_header(np.random.default_rng(seed), RANGES)
        assert msgspec.json.decode(msgspec.json.encode(header), type=HeaderSettings) == header
    assert msgspec.json.decode(msgspec.json.encode(RANGES), type=HeaderRanges) == RANGES


def test_kinds_come_by_their_shares():
    rng = np.random.default_rng(0)
    found = Counter(draw_header(rng, RANGES).kind for _ in range(2000))
    for kind, share in RANGES.kinds:
        # Four standard deviations of a binomial.
        assert abs(found[kind] / 2000 - share) < 4 * np.sqrt(share * (1 - share) / 2000), kind


def test_a_complete_header_tells_the_truth():
    for header in draws_of(HeaderKind.COMPLETE):
        told = attributes_of(header)
        assert told.primary_angle_deg == 155.0
        assert told.secondary_angle_deg == pytest.approx(-7.34, abs=0.05)
        assert told.patient_position == "HFP"
        assert told.patient_orientation == ("RP", "F")
        assert (told.sid_mm, told.sod_mm) == (1000.0, 650.0)
        assert told.imager_pixel_spacing_mm == (0.4, 0.4)
        assert told.pixel_spacing_mm in (None, pytest.approx((0.26, 0.26)))
        assert told.stated_frame_time_ms is None
        assert told.timing is not StatedTiming.NONE
        assert told.photometric_interpretation is Photometry.MONOCHROME2
        assert told.intensity_relationship is PixelIntensityRelationship.LOG
        assert told.modality_lut is not None
        assert told.bits_stored in (8, 10, 12, 16)


def test_a_complete_header_is_valid_and_resolves(tmp_path, dicom_errors):
    for header in draws_of(HeaderKind.COMPLETE, 12):
        write(tmp_path / "run.dcm", attributes_of(header))
        assert dicom_errors(tmp_path / "run.dcm") == []
        read = read_header(tmp_path / "run.dcm")
        assert not isinstance(read.pose.resolved, NotFound)
        assert read.pose.resolved.primary_angle_deg == 155.0
        assert read.pose.resolved.mirrored is False
        assert read.scale.row_mm == pytest.approx(0.26)
        np.testing.assert_allclose(read.timing.times_s, FACTS.times_s, atol=1e-6)


def test_a_sparse_header_has_no_pose(tmp_path):
    drawn = draws_of(HeaderKind.SPARSE)
    for header in drawn:
        told = attributes_of(header)
        assert (told.primary_angle_deg, told.secondary_angle_deg) == (None, None)
        assert told.patient_orientation == ()
        assert told.patient_position in ("", "HFS")
        assert (told.sid_mm, told.sod_mm) == (None, None)
        write(tmp_path / "run.dcm", told)
        assert not read_header(tmp_path / "run.dcm").pose.candidates
    assert {header.run_kind for header in drawn} == set(RunKind)
    assert {header.scale for header in drawn} >= {StatedScale.ABSENT, StatedScale.DETECTOR_ONLY}
    assert {header.times for header in drawn} >= {StatedTimes.ABSENT, StatedTimes.RATES}
    assert {bool(header.left_out) for header in drawn} == {True, False}


# What dciodvfy complains of in headers that are sparse or wrong: all of it is written on purpose.
DELIBERATE = {
    "BitsStored",
    "HighBit",
    "FrameIncrementPointer",
    "ModalityLUTSequence",
    "RescaleIntercept",
    "PatientOrientation",
    "PhotometricInterpretation",
    "PositionerMotion",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
}


@pytest.mark.parametrize("bits_used", [8, 10, 11, 14])
def test_no_header_is_invalid_by_accident(bits_used, tmp_path, dicom_errors):
    facts = replace(FACTS, bits_used=bits_used)
    for seed in range(12):
        header = draw_header(np.random.default_rng(seed), RANGES)
        told = attributes_of(header, facts)
        frames = np.random.default_rng(3).integers(0, 2**bits_used, (4, VIEW.rows, VIEW.columns))
        dtype = np.uint8 if bits_used == 8 else np.uint16
        write_run(tmp_path / "run.dcm", frames.astype(dtype), told)
        found = {line.split("</")[1].split("(")[0] for line in dicom_errors(tmp_path / "run.dcm")}
        assert found <= (set() if header.kind is HeaderKind.COMPLETE else DELIBERATE)


def test_a_supine_header_turns_the_patient_over(tmp_path):
    for header in draws_of(HeaderKind.SUPINE):
        told = attributes_of(header)
        assert told.primary_angle_deg == -25.0
        assert told.secondary_angle_deg == pytest.approx(-7.3)
        assert told.patient_position == "HFS"
        assert told.patient_orientation == ("LA", "F")
        write(tmp_path / "run.dcm", told)
        pose = read_header(tmp_path / "run.dcm").pose
        assert isinstance(pose.resolved, NotFound)
        assert 155.0 in {candidate.primary_angle_deg for candidate in pose.candidates}
    assert {header.mirrored for header in draws_of(HeaderKind.SUPINE)} == {True, False}


def test_turning_over_is_the_same_detector_about_the_other_patient():
    """The other patient: x and y change sign. The detector's direction stays as it is."""
    for primary in (155.0, -155.0, 180.0, -180.0, 90.0, -90.0, 170.0):
        told = replace(VIEW, primary_angle_deg=supine_angle(primary))
        true = replace(VIEW, primary_angle_deg=primary)
        turned = true.axes * np.array([-1.0, -1.0, 1.0])
        np.testing.assert_allclose(told.axes, turned, atol=1e-12)


def test_a_mirrored_header_says_so_or_not():
    drawn = draws_of(HeaderKind.MIRRORED, 60)
    assert all(header.mirrored for header in drawn)
    said = {header.orientation: attributes_of(header).patient_orientation for header in drawn}
    assert said == {
        StatedPose.TRUE: ("LA", "F"),
        StatedPose.UNMIRRORED: ("RP", "F"),
        StatedPose.ABSENT: (),
    }


def test_the_other_faults_are_single():
    for header in draws_of(HeaderKind.ROUNDED):
        told = attributes_of(header)
        assert (told.secondary_angle_deg / header.angle_step_deg) % 1 == 0
        assert told.sid_mm == 1000.0
    for header in draws_of(HeaderKind.NO_DISTANCE):
        told = attributes_of(header)
        assert told.imager_pixel_spacing_mm == (0.4, 0.4)
        assert (told.sid_mm, told.sod_mm, told.pixel_spacing_mm) == (None, None, None)
    for header in draws_of(HeaderKind.RECORDER_TIME):
        told = attributes_of(header)
        assert told.stated_frame_time_ms in (pytest.approx(33.333, abs=1e-3), 40.0)
        np.testing.assert_array_equal(told.times_s, FACTS.times_s)


def test_no_header_gives_the_answer_or_a_person_away():
    for seed in range(60):
        header = draw_header(np.random.default_rng(seed), RANGES)
        told = attributes_of(header)
        for word in ("vascular", "epidural", "perineural", "mixed", "none"):
            assert word not in f"{told.series_description} {told.image_comments}".lower()
        assert "SIMULATED" in told.image_comments
        # The agent is the study's: it stands there whether or not the run shows any.
        assert bool(told.contrast_agent) == header.states_contrast
        assert told.study.uids == FACTS.study.uids
        assert (told.study.second_of_day is None) == (not header.states_day)


@pytest.mark.parametrize(("used", "next_size"), [(8, 8), (9, 10), (10, 10), (11, 12), (14, 16)])
def test_bits_are_declared_as_used_or_as_the_standard_allows(used, next_size):
    assert StatedPixels().bits_stored(used) == next_size
    assert StatedPixels(keeps_bits=True).bits_stored(used) == used
    ls = StatedPixels(transfer_syntax=TransferSyntax.JPEG_LS_LOSSLESS)
    kept = TransferSyntax.JPEG_LS_LOSSLESS
    expected = kept if next_size in (8, 16) else TransferSyntax.JPEG_LOSSLESS_SV1
    assert ls.syntax_for(used) is expected


@pytest.mark.parametrize("photometry", Photometry)
def test_the_table_of_log_values_leads_back_to_intensity(photometry):
    header = HeaderSettings(pixels=StatedPixels(photometric_interpretation=photometry))
    table = attributes_of(header).modality_lut.astype(float)
    full = 1023
    values = np.arange(full + 1)
    # Full scale is an intensity of 1, nothing an intensity of exp(-4).
    stored = full - values if photometry is Photometry.MONOCHROME1 else values
    intensity = np.exp((values / full - 1) * 4.0)
    np.testing.assert_allclose(table[stored] / 65535, intensity, atol=1e-5)
    linear = replace(header, pixels=replace(header.pixels, says_linear=True))
    assert attributes_of(linear).modality_lut is None
    assert attributes_of(linear).intensity_relationship is PixelIntensityRelationship.LIN


def test_a_calibration_is_as_wrong_as_drawn(tmp_path):
    header = HeaderSettings(scale=StatedScale.CALIBRATED, calibration_error=0.05)
    write(tmp_path / "run.dcm", attributes_of(header))
    scale = read_header(tmp_path / "run.dcm").scale
    assert scale.at is SpacingAt.CALIBRATED
    assert scale.row_mm == pytest.approx(0.26 * 1.05)


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 0, -1), "F"),
        ((-0.91, 0.42, 0), "RP"),
        ((0.1, 0.2, -0.97), "F"),
        ((0.6, -0.6, 0.53), "LAH"),
    ],
)
def test_directions_have_letters(direction, letters):
    assert orientation_letters(np.array(direction, dtype=float)) == letters


def test_rates_are_whole_and_one_frame_has_none():
    header = HeaderSettings(times=StatedTimes.RATES)
    assert attributes_of(header).display_rate_per_s == 6
    one = replace(FACTS, times_s=np.zeros(1))
    assert attributes_of(header, one).cine_rate_per_s is None


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="mirrored"):
        write_attributes(HeaderSettings(mirrored=True), VIEW, FACTS)
    supine = replace(FACTS, patient_position="HFS")
    with pytest.raises(InputError, match="lies HFS"):
        attributes_of(HeaderSettings(angles=StatedPose.SUPINE), supine)
    with pytest.raises(InputError, match="patient_position"):
        replace(FACTS, patient_position="prone")
    with pytest.raises(InputError, match="flipped"):
        HeaderSettings(angles=StatedPose.UNMIRRORED)
    with pytest.raises(InputError, match="angle_step_deg"):
        HeaderSettings(angle_step_deg=0.0)
    with pytest.raises(InputError, match="calibration_error"):
        HeaderSettings(calibration_error=0.7)
    with pytest.raises(InputError, match="rf_share"):
        HeaderRanges(rf_share=1.5)
    with pytest.raises(InputError, match="shares"):
        HeaderRanges(kinds=((HeaderKind.SPARSE, 0.0),))
    with pytest.raises(InputError, match="more than 1"):
        HeaderRanges(said_mirrored_share=0.7)
    with pytest.raises(InputError, match="bits_used"):
        StatedPixels().bits_stored(7)
