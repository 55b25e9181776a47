"""Settings of the body: drawn, refused, and what they move."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from guidance.errors import InputError
from guidance.spine import (
    AnatomyRanges,
    AnatomySettings,
    BodyRanges,
    BodySettings,
    GasPocket,
    build_anatomy,
    draw_anatomy,
    draw_body,
)


def test_the_same_seed_draws_the_same_patient():
    first, again, other = (draw_anatomy(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_settings_survive_json():
    settings = draw_anatomy(np.random.default_rng(5))
    data = msgspec.json.encode(settings)
    assert msgspec.json.decode(data, type=AnatomySettings) == settings


@pytest.mark.parametrize("seed", range(6))
def test_drawn_bodies_lie_within_their_ranges(seed):
    ranges = BodyRanges()
    body = draw_body(np.random.default_rng(seed), ranges)
    for name in ("lean_width_mm", "fat_posterior_mm", "aorta_radius_mm", "gas_amount"):
        low, high = getattr(ranges, name)
        assert low <= getattr(body, name) <= high
    left, right = body.kidney_drop_mm
    assert right > left


def test_obesity_moves_fat_and_girth_together():
    rng = np.random.default_rng(0)
    lean, obese = (
        [draw_body(rng, BodyRanges(obesity=(value, value))) for _ in range(20)]
        for value in (0.0, 1.0)
    )
    for name in ("fat_posterior_mm", "fat_anterior_mm", "lean_width_mm", "lean_depth_mm"):
        of_lean, of_obese = ([getattr(body, name) for body in bodies] for bodies in (lean, obese))
        assert max(of_lean) < min(of_obese)


def test_a_range_of_one_value_gives_that_value():
    ranges = AnatomyRanges(body=BodyRanges(skin_mm=(2.5, 2.5), bowel_loops=(7, 7)))
    body = draw_anatomy(np.random.default_rng(1), ranges).body
    assert (body.skin_mm, body.bowel_loops) == (2.5, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lean_width_mm", 25.0),
        ("fat_posterior_mm", -1.0),
        ("fat_posterior_mm", float("nan")),
        ("psoas_scale", (1.0, 9.0)),
        ("prone_flattening", 1.5),
        ("texture_seed", -1),
    ],
)
def test_a_body_that_nobody_has_is_refused(name, value):
    with pytest.raises(InputError, match=name):
        replace(BodySettings(), **{name: value})


@pytest.mark.parametrize("limits", [(2.0, 1.0), (0.0, float("inf"))])
def test_a_range_that_is_none_is_refused(limits):
    with pytest.raises(InputError, match="gas_amount"):
        BodyRanges(gas_amount=limits)
    with pytest.raises(InputError, match="prone_share"):
        BodyRanges(prone_share=1.2)


def test_gas_moves_and_mirrors():
    pocket = GasPocket(center_lps_mm=(10.0, 20.0, 30.0), half_axes_mm=(1.0, 2.0, 3.0))
    assert pocket.moved((1.0, -2.0, 3.0)).center_lps_mm == (11.0, 18.0, 33.0)
    assert pocket.mirrored().center_lps_mm == (-10.0, 20.0, 30.0)
    assert pocket.mirrored().mirrored() == pocket


@pytest.mark.parametrize(
    ("center", "half"),
    [((0.0, 0.0, 0.0), (1.0, 0.0, 1.0)), ((0.0, float("nan"), 0.0), (1.0, 1.0, 1.0))],
)
def test_gas_that_takes_no_room_is_refused(center, half):
    with pytest.raises(InputError, match="gas pocket"):
        GasPocket(center_lps_mm=center, half_axes_mm=half)


def test_gas_rises_to_the_back_of_a_prone_patient():
    settings = draw_anatomy(np.random.default_rng(2))
    bodies = [
        replace(settings.body, is_prone=prone, prone_flattening=0.0, gas_amount=1.5)
        for prone in (True, False)
    ]
    prone, supine = (build_anatomy(settings.spine, body).gas for body in bodies)
    assert len(prone) == len(supine) > 5
    for above, below in zip(prone, supine, strict=True):
        assert above.center_lps_mm[1] >= below.center_lps_mm[1]
    assert prone != supine


def test_an_anatomy_knows_what_it_was_built_from():
    settings = draw_anatomy(np.random.default_rng(2))
    assert build_anatomy(settings.spine, settings.body).settings == settings
