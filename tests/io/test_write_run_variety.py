"""What else consoles write: every variety is valid but where the standard forbids it, by name."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from pydicom import dcmread

from guidance.errors import InputError
from guidance.io import (
    Photometry,
    RadiationSetting,
    RunAttributes,
    RunKind,
    SpacingCalibration,
    StatedTiming,
    Technique,
    TransferSyntax,
    read_header,
    write_run,
)
from guidance.records import CircularShutter, PixelIntensityRelationship, SpacingAt

T, R, C = 5, 32, 40
PLAIN = RunAttributes(
    times_s=np.arange(T) / 8,
    bits_stored=12,
    imager_pixel_spacing_mm=(0.4, 0.4),
    sid_mm=1000.0,
    sod_mm=700.0,
    primary_angle_deg=155.0,
    secondary_angle_deg=-10.0,
    patient_position="HFP",
    patient_orientation=("RP", "F"),
    kvp=80.0,
)
FULL_LUT = np.linspace(0, 65535, 4096).astype(np.uint16)
NO_ANGLES = {"primary_angle_deg": None, "secondary_angle_deg": None}


def make_frames(bits: int = 12) -> np.ndarray:
    rng = np.random.default_rng(bits)
    return rng.integers(0, 2**bits, (T, R, C)).astype(np.uint8 if bits == 8 else np.uint16)


@dataclass(frozen=True)
class Variety:
    """A change of the plain header, what the file then says, and what dciodvfy says of that.

    `errors` names the attributes that it complains of: deliberate, since consoles write so.
    """

    name: str
    changes: dict
    says: dict = field(default_factory=dict)
    errors: tuple[str, ...] = ()


VARIETIES = [
    Variety("plain", {}, {"SOPClassUID": RunKind.XA.value, "Modality": "XA"}),
    Variety(
        "RF",
        {"kind": RunKind.RF, **NO_ANGLES},
        {"SOPClassUID": RunKind.RF.value, "Modality": "RF", "PositionerPrimaryAngle": None},
    ),
    Variety("RF with angles", {"kind": RunKind.RF}, {"PositionerPrimaryAngle": 155}),
    Variety(
        "MONOCHROME1",
        {"photometric_interpretation": Photometry.MONOCHROME1, "intensity_sign": -1},
        {"PhotometricInterpretation": "MONOCHROME1", "PixelIntensityRelationshipSign": -1},
        errors=("PhotometricInterpretation",),
    ),
    Variety(
        "DISP",
        {"intensity_relationship": PixelIntensityRelationship.DISP},
        {"PixelIntensityRelationship": "DISP"},
    ),
    Variety(
        "LOG with its table",
        {"intensity_relationship": PixelIntensityRelationship.LOG, "modality_lut": FULL_LUT},
        {"PixelIntensityRelationship": "LOG"},
    ),
    Variety(
        "LOG without",
        {"intensity_relationship": PixelIntensityRelationship.LOG},
        {"PixelIntensityRelationship": "LOG"},
        errors=("ModalityLUTSequence", "RescaleIntercept"),
    ),
    Variety(
        "unknown relationship",
        {"intensity_relationship": PixelIntensityRelationship.UNKNOWN},
        {"PixelIntensityRelationship": None},
        errors=("PixelIntensityRelationship",),
    ),
    Variety("14 in 16 bits", {"bits_stored": 16}, {"BitsStored": 16, "HighBit": 15}),
    Variety(
        "14 bits",
        {"bits_stored": 14},
        {"BitsStored": 14, "HighBit": 13},
        errors=("BitsStored", "HighBit"),
    ),
    Variety(
        "vector of even times",
        {"timing": StatedTiming.VECTOR},
        {"FrameTimeVector": [0, 125, 125, 125, 125], "FrameTime": None},
    ),
    Variety(
        "mean of uneven times",
        {"timing": StatedTiming.CONSTANT, "times_s": np.array([0, 0.1, 0.3, 0.35, 0.4])},
        {"FrameTime": 100, "FrameTimeVector": None},
    ),
    Variety(
        "a recorder's frame time",
        {"stated_frame_time_ms": 40.0},
        {"FrameTime": 40},
    ),
    Variety(
        "rates only",
        {"timing": StatedTiming.NONE, "display_rate_per_s": 8, "cine_rate_per_s": 15},
        {"RecommendedDisplayFrameRate": 8, "CineRate": 15, "FrameTime": None},
        errors=("FrameIncrementPointer", "FrameIncrementPointer"),
    ),
    Variety(
        "calibrated",
        {
            "pixel_spacing_mm": (0.28, 0.29),
            "pixel_spacing_calibration": SpacingCalibration.FIDUCIAL,
        },
        {"PixelSpacing": [0.28, 0.29], "PixelSpacingCalibrationType": "FIDUCIAL"},
    ),
    Variety(
        "no distances",
        {"sid_mm": None, "sod_mm": None},
        {"EstimatedRadiographicMagnificationFactor": None, "ImagerPixelSpacing": [0.4, 0.4]},
    ),
    Variety(
        "technique",
        {
            "technique": Technique(
                radiation_setting=RadiationSetting.GRAPHY,
                is_pulsed=False,
                tube_current_ma=12,
                exposure_time_ms=640,
                exposure_mas=8,
                pulse_width_ms=8.5,
            ),
            "model_name": "SIMULATED C-ARM",
        },
        {
            "RadiationSetting": "GR",
            "RadiationMode": "CONTINUOUS",
            "XRayTubeCurrent": 12,
            "ExposureTime": 640,
            "Exposure": 8,
            "AveragePulseWidth": 8.5,
            "ManufacturerModelName": "SIMULATED C-ARM",
        },
    ),
    Variety(
        "intensifier",
        {"collimator": CircularShutter(row=15.0, column=20.0, radius=14.0)},
        {"CenterOfCircularCollimator": [16, 21], "RadiusOfCircularCollimator": 14},
    ),
    Variety(
        "derived",
        {"image_type": ("DERIVED", "PRIMARY", "SINGLE PLANE")},
        {"ImageType": ["DERIVED", "PRIMARY", "SINGLE PLANE"]},
    ),
    Variety(
        "empty",
        {
            **NO_ANGLES,
            "imager_pixel_spacing_mm": None,
            "sid_mm": None,
            "sod_mm": None,
            "patient_position": "",
            "patient_orientation": (),
            "kvp": None,
        },
        {"ImagerPixelSpacing": None},
    ),
    Variety(
        "missing",
        {
            **NO_ANGLES,
            "patient_orientation": (),
            "left_out": (
                "PatientOrientation",
                "PositionerMotion",
                "PositionerPrimaryAngle",
                "PositionerSecondaryAngle",
            ),
        },
        {"PatientOrientation": None, "PositionerPrimaryAngle": None},
        errors=(
            "PatientOrientation",
            "PositionerMotion",
            "PositionerPrimaryAngle",
            "PositionerSecondaryAngle",
        ),
    ),
]


@pytest.mark.parametrize("variety", VARIETIES, ids=lambda variety: variety.name)
def test_the_file_says_so_and_is_valid_but_where_it_cannot(variety, tmp_path, dicom_errors):
    attributes = replace(PLAIN, **variety.changes)
    path = tmp_path / "run.dcm"
    write_run(path, make_frames(), attributes)
    dataset = dcmread(path)
    for keyword, value in variety.says.items():
        found = dataset.get(keyword)
        assert (list(found) if isinstance(value, list) else found) == value, keyword
    np.testing.assert_array_equal(dataset.pixel_array, make_frames())
    complaints = dicom_errors(path)
    assert sorted(line.split("</")[1].split("(")[0] for line in complaints) == sorted(
        variety.errors
    )


@pytest.mark.parametrize("variety", VARIETIES, ids=lambda variety: variety.name)
def test_every_variety_has_uids_of_its_own_and_can_be_read(variety, tmp_path):
    plain = write_run(tmp_path / "plain.dcm", make_frames(), PLAIN)
    uid = write_run(tmp_path / "run.dcm", make_frames(), replace(PLAIN, **variety.changes))
    assert (uid == plain) == (variety.name == "plain")
    header = read_header(tmp_path / "run.dcm")
    assert (header.n_frames, header.rows, header.columns) == (T, R, C)


def test_a_uid_does_not_change_with_the_version(tmp_path):
    """Attributes added later enter it only where they say something; this one is from before."""
    frames = np.arange(T * R * C, dtype=np.uint16).reshape(T, R, C) % 4096
    uid = write_run(tmp_path / "run.dcm", frames, PLAIN)
    assert uid == "2.25.107384951739443677001521658905256448317"


@pytest.mark.parametrize("bits", range(9, 17))
@pytest.mark.parametrize(
    "syntax", [TransferSyntax.JPEG_LOSSLESS_SV1, TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN]
)
def test_any_number_of_bits_comes_back(bits, syntax, tmp_path):
    import imagecodecs
    from pydicom.encaps import generate_frames

    attributes = replace(PLAIN, bits_stored=bits, transfer_syntax=syntax)
    write_run(tmp_path / "run.dcm", make_frames(bits), attributes)
    dataset = dcmread(tmp_path / "run.dcm")
    if syntax is TransferSyntax.JPEG_LOSSLESS_SV1:
        data = generate_frames(dataset.PixelData, number_of_frames=T)
        found = np.stack([imagecodecs.ljpeg_decode(frame) for frame in data])
    else:
        found = dataset.pixel_array
    np.testing.assert_array_equal(found, make_frames(bits))


def test_a_log_table_leads_back_to_intensity(tmp_path):
    changes = {"intensity_relationship": PixelIntensityRelationship.LOG, "modality_lut": FULL_LUT}
    write_run(tmp_path / "run.dcm", make_frames(), replace(PLAIN, **changes))
    item = dcmread(tmp_path / "run.dcm").ModalityLUTSequence[0]
    assert list(item.LUTDescriptor) == [4096, 0, 16]
    np.testing.assert_array_equal(np.frombuffer(item.LUTData, "<u2"), FULL_LUT)
    header = read_header(tmp_path / "run.dcm")
    assert header.intensity.relationship is PixelIntensityRelationship.LIN
    assert header.intensity.high == 65535


def test_the_reader_finds_what_was_written(tmp_path):
    path = tmp_path / "run.dcm"
    write_run(path, make_frames(), PLAIN)
    assert read_header(path).scale.at is SpacingAt.ISOCENTER
    calibrated = {
        "pixel_spacing_mm": (0.28, 0.28),
        "pixel_spacing_calibration": SpacingCalibration.GEOMETRY,
    }
    write_run(path, make_frames(), replace(PLAIN, **calibrated))
    assert read_header(path).scale.at is SpacingAt.CALIBRATED
    write_run(path, make_frames(), replace(PLAIN, kind=RunKind.RF, **NO_ANGLES))
    assert read_header(path).scale.at is SpacingAt.ISOCENTER
    assert not read_header(path).pose.candidates
    write_run(path, make_frames(), replace(PLAIN, timing=StatedTiming.NONE))
    assert not read_header(path).timing


FAULTS = {
    "identity left out": ({"left_out": ("SOPInstanceUID",)}, "SOPInstanceUID, which must stand"),
    "synthetic left out": ({"left_out": ("SyntheticData",)}, "SyntheticData"),
    "long name": ({"model_name": "M" * 65}, "model_name"),
    "sign": ({"intensity_sign": 0}, "intensity_sign is 0"),
    "two times": (
        {"timing": StatedTiming.VECTOR, "stated_frame_time_ms": 33.0},
        "timing is vector",
    ),
    "no time": ({"stated_frame_time_ms": 0.0}, "more than 0"),
    "calibrated nothing": (
        {"pixel_spacing_calibration": SpacingCalibration.GEOMETRY},
        "without pixel_spacing_mm",
    ),
    "short table": ({"modality_lut": FULL_LUT[:100]}, "4096 entries"),
    "table of numbers": ({"modality_lut": FULL_LUT.astype(np.float64)}, "uint16"),
    "one image type": ({"image_type": ("ORIGINAL",)}, "two values"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_nobody_can_mean_is_refused(name):
    changes, message = FAULTS[name]
    with pytest.raises(InputError, match=message):
        replace(PLAIN, **changes)


def test_a_table_of_another_size_than_the_bits_is_refused():
    with pytest.raises(InputError, match="65536 entries"):
        replace(PLAIN, bits_stored=16, modality_lut=FULL_LUT)
