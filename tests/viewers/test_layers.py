"""A run as layer data: axes, sizes, contrast, names; neither napari nor Qt is needed."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from guidance.records import (
    CArmPose,
    Cine,
    FrameArray,
    IntensityScale,
    NotFound,
    PixelIntensityRelationship,
    PixelScale,
    Remark,
    RunHeader,
    SpacingAt,
)
from viewers import run_layer

ABSENT = NotFound("not in this header")
HEADER = RunHeader(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.12.1",
    sop_instance_uid="1.2.3",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    modality="XA",
    n_frames=600,
    rows=64,
    columns=80,
    bits_stored=12,
    photometric_interpretation="MONOCHROME2",
    image_type=("ORIGINAL", "PRIMARY"),
    intensity=IntensityScale(
        relationship=PixelIntensityRelationship.UNKNOWN,
        sign=1,
        sign_source="convention",
        low=0,
        high=4095,
    ),
    timing=ABSENT,
    scale=ABSENT,
    pose=CArmPose(
        primary_angle_deg=None,
        secondary_angle_deg=None,
        patient_position=None,
        patient_orientation=None,
        distance_source_to_detector_mm=None,
        distance_source_to_patient_mm=None,
        candidates=(),
        resolved=ABSENT,
    ),
)
RAMP = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80)


class CountingReader:
    """Frames of one picture, and a list of those that were asked for."""

    dtype = np.dtype(np.uint16)

    def __init__(self, picture: FrameArray) -> None:
        self.picture = picture
        self.asked: list[int] = []

    def read(self, index: int) -> FrameArray:
        self.asked.append(index)
        return self.picture.copy()

    def close(self) -> None:
        """Nothing to let go of."""


def make_run(picture: FrameArray = RAMP, **changes: object) -> tuple[Cine, CountingReader]:
    """Return a run of one picture and what counts its reads."""
    reader = CountingReader(picture)
    return Cine(header=replace(HEADER, **changes), reader=reader), reader


def test_the_run_itself_is_the_data_and_at_most_one_frame_is_read() -> None:
    cine, reader = make_run()
    data, _, kind = run_layer(cine)
    assert data is cine
    assert kind == "image"
    assert reader.asked == [0]


def test_with_a_window_nothing_is_read_at_all() -> None:
    cine, reader = make_run(window=(600.0, 401.0))
    _, arguments, _ = run_layer(cine)
    # PS3.3 C.11.2.1.2: black up to c - 0.5 - (w - 1) / 2, white from c - 0.5 + (w - 1) / 2 on
    assert arguments["contrast_limits"] == (399.5, 799.5)
    assert reader.asked == []


def test_without_a_size_the_units_are_pixels() -> None:
    _, arguments, _ = run_layer(make_run()[0])
    assert arguments["scale"] == (1.0, 1.0, 1.0)
    assert arguments["units"] == ("pixel", "pixel", "pixel")
    assert arguments["metadata"]["spacing_at"] is None


def test_size_goes_to_rows_and_columns_in_that_order() -> None:
    size = PixelScale(row_mm=0.2, column_mm=0.3, at=SpacingAt.ISOCENTER, source="test")
    _, arguments, _ = run_layer(make_run(scale=size)[0])
    assert arguments["scale"] == (1.0, 0.2, 0.3)
    assert arguments["units"] == ("pixel", "mm", "mm")
    assert arguments["axis_labels"] == ("frame", "row", "column")
    assert arguments["metadata"]["spacing_at"] == "isocenter"


def test_limits_leave_out_metal_and_air() -> None:
    picture = np.full((64, 80), 500, np.uint16)
    picture[:, 40:] = 700
    picture[0, 0], picture[4, 4] = 0, 4095
    _, arguments, _ = run_layer(make_run(picture)[0])
    assert arguments["contrast_limits"] == (500.0, 700.0)


@pytest.mark.parametrize("window", [None, (100.0, 1.0), (100.0, 0.0)])
def test_a_flat_frame_shows_all_that_the_bits_can_hold(window: tuple[float, float] | None) -> None:
    cine, _ = make_run(np.full((64, 80), 9, np.uint16), window=window)
    _, arguments, _ = run_layer(cine)
    assert arguments["contrast_limits"] == (0, 4095)


@pytest.mark.parametrize(
    ("photometric", "colormap"), [("MONOCHROME1", "gray_r"), ("MONOCHROME2", "gray")]
)
def test_monochrome1_is_shown_inverted(photometric: str, colormap: str) -> None:
    _, arguments, _ = run_layer(make_run(photometric_interpretation=photometric)[0])
    assert arguments["colormap"] == colormap


def test_the_name_tells_runs_apart_and_names_nobody() -> None:
    _, first, _ = run_layer(make_run()[0])
    _, second, _ = run_layer(make_run(sop_instance_uid="1.2.4")[0])
    # sha256 of "1.2.3"
    assert first["name"] == "XA c47f5b18b8a4"
    assert second["name"] != first["name"]
    assert "1.2.3" not in str(first)


def test_remarks_go_along_as_text() -> None:
    remark = Remark(attribute="FrameTime (0018,1063)", finding="is missing", cost="no times")
    _, arguments, _ = run_layer(make_run(remarks=(remark,))[0])
    assert arguments["metadata"]["remarks"] == [str(remark)]


def test_a_run_of_three_columns_is_not_taken_for_colours() -> None:
    _, arguments, _ = run_layer(make_run(rows=64, columns=3, picture=RAMP[:, :3])[0])
    assert arguments["rgb"] is False


def test_importing_the_plugin_loads_neither_napari_nor_qt() -> None:
    program = (
        "import sys, viewers; found = {n.split('.')[0] for n in sys.modules};"
        "assert not found & {'napari', 'qtpy', 'PyQt6', 'PySide6'}, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
