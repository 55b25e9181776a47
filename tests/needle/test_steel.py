"""What the network says of a picture, and how the search uses it: with maps made by hand."""

import math

import numpy as np
import pytest

from guidance.needle import _aim, make_input, make_picture
from guidance.needle._aim import aim_tip, steel_along, tip_chance
from guidance.needle._by_steel import find_by_steel, find_tips
from guidance.needle._frames import finite_values
from guidance.needle._line import Line
from guidance.needle._picture import UNKNOWN, Picture, locate_field
from guidance.needle._steel import Steel, see_steel
from guidance.needle._tip import locate_tip
from guidance.needle._trace import describe_part


@pytest.fixture
def look(draw, make_context):
    """Return what makes a picture of a painted frame."""

    def make(paint) -> Picture:
        context = make_context()
        values = finite_values(draw(paint), context)
        return make_picture(values, locate_field(values, context), context)

    return make


def maps_of(picture: Picture, paint, pixel_mm: float, tip_at_mm: float = 0.0) -> Steel:
    """Return maps that know the painted needle; its tip is said to lie so far ahead of the true."""
    scale = picture.working_scale / picture.fine_scale / 2
    shape = tuple(math.ceil(side / 2) for side in picture.signal.shape)
    toward = math.radians(paint.toward_deg)
    back = np.array((math.sin(toward), math.cos(toward))) / pixel_mm
    cell_per_px = scale * picture.fine_scale

    def cells(along_mm):
        place = paint.true_tip + np.asarray(along_mm)[..., None] * back
        return (place + 0.5) * cell_per_px - 0.5

    rows, columns = np.indices(shape)
    steel = np.zeros(shape, np.float32)
    for row, column in cells(np.arange(-tip_at_mm, paint.length_mm, 0.2)):
        steel = np.maximum(steel, np.exp(-((rows - row) ** 2 + (columns - column) ** 2)))
    row, column = cells(-tip_at_mm)
    tip = 0.9 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2)
    return Steel(steel=steel.astype(np.float32), tip=tip.astype(np.float32), scale=scale)


def line_of(picture: Picture, paint, short_mm: float = 0.0) -> Line:
    """Return the painted needle as a line that ends so much too early."""
    toward = math.radians(paint.toward_deg)
    row, column = ((at + 0.5) * picture.fine_scale - 0.5 for at in paint.true_tip)
    point = (row, column, toward + math.pi)
    mm = picture.fine_mm
    found = describe_part(picture, point, -paint.length_mm / mm, -short_mm / mm)
    assert found is not None
    return found


def off_mm(picture: Picture, row: float, column: float, paint, pixel_mm: float) -> float:
    place = ((row + 0.5) / picture.fine_scale - 0.5, (column + 0.5) / picture.fine_scale - 0.5)
    return math.dist(place, paint.true_tip) * pixel_mm


def test_the_input_has_sides_of_sixteen_and_knows_where_it_knows():
    signal = np.full((37, 50), 3.0, np.float32)
    signal[:, 40:] = UNKNOWN
    shown = make_input(signal)
    assert shown.shape == (2, 48, 64)
    assert shown[1].sum() == 37 * 40
    np.testing.assert_allclose(shown[0][:37, :40], np.arcsinh(3.0), rtol=1e-6)
    assert not shown[0][:, 40:].any()
    assert not shown[:, 37:].any()


def test_places_go_there_and_back(look, painted):
    steel = maps_of(look(painted()), painted(), 0.35)
    for cell in (0.0, 7.0, 20.5):
        place = np.array([steel.to_fine(cell)])
        index = np.arange(steel.steel.shape[1], dtype=np.float32)
        ramp = np.tile(index, (steel.steel.shape[0], 1))
        assert steel.at(ramp, np.array([50.0]), place)[0] == pytest.approx(cell, abs=0.04)
    assert steel.at(steel.steel, np.array([-100.0]), np.array([1e6]))[0] == 0


def test_the_tip_is_where_the_map_says_to_a_fraction_of_a_cell(look, painted, pixel_mm):
    paint = painted()
    picture = look(paint)
    (row, column), *others = find_tips(maps_of(picture, paint, pixel_mm))
    assert not others
    assert off_mm(picture, row, column, paint, pixel_mm) < 0.2


@pytest.mark.parametrize("toward_deg", [35.0, -70.0, 170.0])
def test_a_line_is_followed_back_from_its_tip(look, painted, pixel_mm, toward_deg):
    paint = painted(toward_deg=toward_deg, length_mm=30.0)
    picture = look(paint)
    (line,) = find_by_steel(picture, maps_of(picture, paint, pixel_mm))
    end, start = line.at(line.end), line.at(line.start)
    assert off_mm(picture, *end, paint, pixel_mm) < 1.5
    assert math.dist(start, end) * picture.fine_mm == pytest.approx(30, abs=3)
    assert math.sin(line.angle_rad - math.radians(toward_deg)) == pytest.approx(0, abs=0.05)


def test_where_nothing_is_seen_no_line_is_made(look, painted):
    picture = look(painted())
    shape = tuple(math.ceil(side / 2) for side in picture.signal.shape)
    none = np.zeros(shape, np.float32)
    assert find_by_steel(picture, Steel(steel=none, tip=none, scale=0.2)) == []


def test_a_line_that_ends_too_early_goes_on_to_the_tip_that_is_seen(look, painted, pixel_mm):
    paint = painted()
    picture = look(paint)
    steel, line = maps_of(picture, paint, pixel_mm), line_of(picture, paint, short_mm=9.0)
    early = locate_tip(picture, line_of(picture, painted(), 9.0))
    assert steel_along(picture, line, steel) > 0.7
    found = aim_tip(picture, line, early, steel)
    assert off_mm(picture, found.row, found.column, paint, pixel_mm) < 0.4
    assert tip_chance(picture, found, steel) > 0.5


def test_a_tip_is_not_moved_over_a_gap_or_to_another_line(look, painted, pixel_mm):
    paint = painted()
    picture = look(paint)
    line = line_of(picture, paint)
    tip = locate_tip(picture, line)
    ahead = maps_of(picture, paint, pixel_mm, tip_at_mm=15.0)
    gap = Steel(steel=ahead.steel * 0, tip=ahead.tip, scale=ahead.scale)
    assert aim_tip(picture, line, tip, gap) == tip
    beside = maps_of(picture, painted(tip=(120.0, 150.0)), pixel_mm)
    assert aim_tip(picture, line, tip, beside) == tip


def test_a_tip_that_the_network_sees_too_stays(look, painted, pixel_mm):
    paint = painted()
    picture = look(paint)
    line = line_of(picture, paint)
    tip = locate_tip(picture, line)
    assert aim_tip(picture, line, tip, maps_of(picture, paint, pixel_mm)) == tip


def test_where_the_end_cannot_be_measured_the_doubt_is_that_of_the_network(
    look, painted, pixel_mm, monkeypatch
):
    paint = painted()
    picture = look(paint)
    steel = maps_of(picture, paint, pixel_mm, tip_at_mm=8.0)
    line = line_of(picture, paint)
    found = aim_tip(picture, line, locate_tip(picture, line), steel)
    # Nothing ends there in the picture itself.
    assert found.sigma * picture.fine_mm == pytest.approx(_aim._SIGMA_MM)
    assert off_mm(picture, found.row, found.column, paint, pixel_mm) == pytest.approx(8, abs=0.6)


def test_the_network_looks_at_pictures_of_any_size(look, painted):
    picture = look(painted())
    steel = see_steel(picture)
    rows, columns = (math.ceil(side / 2) for side in picture.signal.shape)
    assert steel.steel.shape == steel.tip.shape == (rows, columns)
    assert 0 <= steel.steel.min() <= steel.steel.max() <= 1
