"""Shutters: counted from 1 in the file, from 0 here; what cannot be is ignored with a remark."""

import pytest

from guidance.records import CircularShutter, PolygonalShutter, RectangularShutter

RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterUpperHorizontalEdge": b"2 ",
    "ShutterLowerHorizontalEdge": b"11",
    "ShutterLeftVerticalEdge": b"3 ",
    "ShutterRightVerticalEdge": b"20",
}
CIRCLE = {
    "ShutterShape": "CIRCULAR",
    "CenterOfCircularShutter": b"6\\10",
    "RadiusOfCircularShutter": b"5 ",
}
POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": b"1\\1\\1\\20\\12\\10"}


def collimator(attributes: dict[str, object]) -> dict[str, object]:
    return {
        keyword.replace("Shutter", "Collimator"): value for keyword, value in attributes.items()
    }


@pytest.mark.parametrize(
    ("attributes", "shutter"),
    [
        (RECTANGLE, RectangularShutter(top=1, bottom=10, left=2, right=19)),
        (CIRCLE, CircularShutter(row=5, column=9, radius=5)),
        (POLYGON, PolygonalShutter(vertices=((0, 0), (0, 19), (11, 9)))),
    ],
    ids=["rectangle", "circle", "polygon"],
)
def test_shutters_and_collimators_count_from_zero(make_run, attributes, shutter):
    for source in (attributes, collimator(attributes)):
        with make_run(attributes=source) as cine:  # 12 × 20 pixels
            assert cine.header.shutters == (shutter,)
            assert not any("Shutter" in one.attribute for one in cine.header.remarks)


def test_shapes_are_combined(make_run):
    shapes = {
        **CIRCLE,
        **RECTANGLE,
        "ShutterShape": ["CIRCULAR", "RECTANGULAR"],
        **collimator(POLYGON),
    }
    with make_run(attributes=shapes) as cine:
        kinds = [type(one).__name__ for one in cine.header.shutters]
    assert kinds == ["CircularShutter", "RectangularShutter", "PolygonalShutter"]


@pytest.mark.parametrize(
    ("attributes", "keyword", "value"),
    [
        (RECTANGLE, "ShutterUpperHorizontalEdge", b"0 "),
        (RECTANGLE, "ShutterUpperHorizontalEdge", b"12"),
        (RECTANGLE, "ShutterLowerHorizontalEdge", b"13"),
        (RECTANGLE, "ShutterLeftVerticalEdge", b"-1"),
        (RECTANGLE, "ShutterRightVerticalEdge", b"999 "),
        (RECTANGLE, "ShutterRightVerticalEdge", None),
        (RECTANGLE, "ShutterRightVerticalEdge", b"x "),
        (CIRCLE, "CenterOfCircularShutter", b"0\\0 "),
        (CIRCLE, "CenterOfCircularShutter", b"6 "),
        (CIRCLE, "RadiusOfCircularShutter", b"0 "),
        (CIRCLE, "RadiusOfCircularShutter", b"1e9 "),
        (POLYGON, "VerticesOfThePolygonalShutter", b"1\\1\\1\\20"),
        (POLYGON, "VerticesOfThePolygonalShutter", b"1\\1\\1\\20\\12"),
        (POLYGON, "VerticesOfThePolygonalShutter", b"1\\1\\1\\20\\99\\10"),
        (POLYGON, "VerticesOfThePolygonalShutter", b"1\\1\\1\\5\\1\\9 "),
        (RECTANGLE, "ShutterShape", b"BITMAP"),
    ],
)
def test_what_cannot_be_is_ignored(make_run, attributes, keyword: str, value: object):
    with make_run(attributes={**attributes, keyword: value}) as cine:
        assert cine.header.shutters == ()
        remarked = [one for one in cine.header.remarks if "Shutter" in one.attribute]
    assert len(remarked) == 1
    assert "ignored" in remarked[0].finding


def test_no_shutter_needs_no_remark(make_run):
    with make_run(attributes={"ShutterShape": b"", "CollimatorShape": None}) as cine:
        assert cine.header.shutters == ()
        assert not any("Shutter" in one.attribute for one in cine.header.remarks)
