"""Mask choice and subtraction on made runs: anatomy, noise, an exposure ramp, contrast, breath."""

import cv2
import numpy as np
import pytest

from guidance.errors import InputError
from guidance.imaging import average_frames, choose_mask, measure_attenuation, subtract
from guidance.io import open_run
from guidance.records import IntensityScale, NotFound, PixelIntensityRelationship

SIZE = 128
EVERYWHERE = np.ones((SIZE, SIZE), bool)
INTENSITY = IntensityScale(
    relationship=PixelIntensityRelationship.LIN, sign=1, sign_source="made", low=0, high=16383
)
NOISE = 0.02
RAMP = (0.35, 0.5, 0.65, 0.8, 0.9, 0.96)
"""Exposure of the first frames, as a share of what it settles at."""
ONSET = 30


def anatomy(seed: int = 0) -> np.ndarray:
    """Return attenuation with edges as bone has, (R, C), wider than a frame."""
    noise = np.random.default_rng(seed).standard_normal((SIZE + 32, SIZE + 32)).astype(np.float32)
    return 1.0 + cv2.GaussianBlur(noise, (0, 0), 5) * 5


def view(field: np.ndarray, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Return what a frame shows of the field after it moved by (rows, columns)."""
    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float64)
    moved = cv2.warpAffine(field, matrix, field.shape[::-1], flags=cv2.INTER_CUBIC)
    return moved[16:-16, 16:-16]


def vein() -> np.ndarray:
    """Return a winding line of attenuation 0.25, 4 px wide, and a pool, (R, C)."""
    shape = np.zeros((SIZE, SIZE), np.uint8)
    points = np.array([(20 + 3 * i, round(64 + 14 * np.sin(i / 4))) for i in range(30)])
    cv2.polylines(shape, [points.reshape(-1, 1, 2)], isClosed=False, color=255, thickness=4)
    cv2.circle(shape, (30, 70), 8, 255, -1)
    return cv2.GaussianBlur(shape, (0, 0), 1).astype(np.float32) / 255 * np.float32(0.25)


def make_run(
    seed: int, *, n_frames: int = 60, ramp: tuple[float, ...] = RAMP, breath_px: float = 0.0,
    onset: int | None = ONSET, wash_out: bool = False,
) -> list[np.ndarray]:  # fmt: skip
    """Return frames of 14 bits: a ramp of the exposure, breathing, and from `onset` on contrast."""
    rng = np.random.default_rng(seed)
    field, frames = anatomy(seed), []
    for index in range(n_frames):
        shift = (breath_px * np.sin(index / 5), 0.3 * breath_px * np.sin(index / 5))
        attenuation = view(field, shift)
        if onset is not None and index >= onset:
            amount = min(1.0, (index - onset + 1) / 5)
            if wash_out:
                amount *= 0.5 ** max(0.0, (index - onset - 6) / 5)
            attenuation = attenuation + amount * vein()
        exposure = ramp[index] if index < len(ramp) else 1.0
        signal = 6000 * exposure * np.exp(-attenuation)
        frames.append(np.clip(signal * (1 + rng.normal(0, NOISE, signal.shape)), 0, 16383))
    return [frame.astype(np.uint16) for frame in frames]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("breath_px", [0.0, 2.0])
@pytest.mark.parametrize("wash_out", [False, True])
def test_the_mask_lies_between_ramp_and_contrast(seed, breath_px, wash_out):
    frames = make_run(seed, breath_px=breath_px, wash_out=wash_out)
    choice = choose_mask(frames, INTENSITY, EVERYWHERE)
    # A step of 4 % of the exposure remains after the last frame of the ramp.
    assert choice.settled_frame in (len(RAMP) - 1, len(RAMP))
    assert choice.frames[0] >= len(RAMP) - 1
    assert choice.frames[-1] < ONSET
    assert len(choice.frames) == 8
    assert choice.contrast_frame == pytest.approx(ONSET + 1, abs=4)
    assert choice.quiet_until <= ONSET + 1


def test_contrast_soon_after_the_ramp_shortens_the_mask():
    choice = choose_mask(make_run(5, n_frames=40, onset=10), INTENSITY, EVERYWHERE)
    assert choice.frames
    assert len(RAMP) - 1 <= choice.frames[0] <= choice.frames[-1] < 10


@pytest.mark.parametrize("breath_px", [0.0, 2.0])
def test_without_contrast_early_frames_serve_and_that_is_said(breath_px):
    choice = choose_mask(make_run(6, onset=None, breath_px=breath_px), INTENSITY, EVERYWHERE)
    assert choice.contrast_frame is None
    assert choice.frames[-1] < 30
    assert any("no contrast stands out" in note for note in choice.notes)


def test_repeated_frames_count_once():
    plain = make_run(7)
    twice = [frame for frame in plain for _ in range(3)]
    once, thrice = (choose_mask(run, INTENSITY, EVERYWHERE) for run in (plain, twice))
    assert thrice.distinct_frames == once.distinct_frames == len(plain)
    assert thrice.frames == tuple(3 * frame for frame in once.frames)


def test_a_long_run_is_looked_at_in_steps():
    frames = make_run(8, n_frames=20, ramp=(), onset=None)
    rng = np.random.default_rng(0)
    # Of 800 frames, which differ in one pixel each, contrast shows in the second half.
    added = np.exp(-vein())

    def play():
        for index in range(800):
            frame = frames[index % 20] * (added if index >= 400 else 1.0)
            frame = frame.astype(np.uint16)
            frame[tuple(rng.integers(0, SIZE, 2))] += 1
            yield frame

    choice = choose_mask(play(), INTENSITY, EVERYWHERE)
    assert choice.distinct_frames == 800
    assert choice.contrast_frame == pytest.approx(400, abs=8)


def test_one_image_has_no_mask():
    frame = make_run(9, n_frames=1)[0]
    for frames in ([frame], [frame] * 5):
        found = choose_mask(frames, INTENSITY, EVERYWHERE)
        assert isinstance(found, NotFound)
        assert "single image" in found.reason


def test_nothing_that_shows_the_patient_is_no_crash():
    choice = choose_mask(make_run(10, n_frames=8), INTENSITY, ~EVERYWHERE)
    assert choice.contrast_frame is None
    with pytest.raises(InputError, match="at least 1"):
        choose_mask([], INTENSITY, EVERYWHERE, most=0)


def attenuations(seed: int, n_frames: int, **options) -> list[np.ndarray]:
    frames = make_run(seed, n_frames=n_frames, **options)
    return [measure_attenuation(frame, INTENSITY) for frame in frames]


def test_a_mean_of_frames_has_less_noise():
    """Of independent frames the mean's noise falls with the root of their number."""
    run = attenuations(11, 9, ramp=(), onset=None)
    truth = view(anatomy(11))
    spreads = {}
    for count in (1, 4, 8):
        left = average_frames(run[:count], EVERYWHERE) - truth
        spreads[count] = np.std(left - left.mean())
    assert spreads[4] == pytest.approx(spreads[1] / 2, rel=0.1)
    assert spreads[8] == pytest.approx(spreads[1] / np.sqrt(8), rel=0.15)


def test_a_mean_takes_breathing_and_exposure_out():
    run = attenuations(12, 6, ramp=(0.5, 0.7, 0.9), breath_px=2.0, onset=None)
    inner = np.zeros_like(EVERYWHERE)
    inner[8:-8, 8:-8] = True
    left = (average_frames(run, EVERYWHERE) - run[0])[inner]
    # What is left is noise: of the first frame, less the part of it that the mean holds.
    assert np.std(left) < 1.1 * NOISE
    with pytest.raises(InputError, match="no frame"):
        average_frames([], EVERYWHERE)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0), (-1.5, 2.25)])
@pytest.mark.parametrize("exposure", [1.0, 0.6])
def test_subtraction_leaves_contrast_alone(shift, exposure):
    field, rng = anatomy(13), np.random.default_rng(1)
    mask = (view(field) + rng.normal(0, 0.004, (SIZE, SIZE))).astype(np.float32)
    frame = view(field, shift) + vein() - np.log(exposure) + rng.normal(0, 0.01, (SIZE, SIZE))
    found = subtract(frame.astype(np.float32), mask, EVERYWHERE)
    assert found.shift == pytest.approx(shift, abs=0.1)
    left = (found.change - vein())[found.valid]
    # Noise of both, and interpolation of edges.
    assert abs(np.mean(left)) < 0.004
    assert np.std(left) < 0.016
    assert found.noise == pytest.approx(0.0108, rel=0.35)
    inside = (vein() > 0.24) & found.valid
    assert np.mean(found.change[inside]) == pytest.approx(0.25, abs=0.01)
    assert not found.change[~found.valid].any()


def test_contrast_counts_the_same_over_bone():
    """Beer and Lambert: what is behind it does not matter."""
    field = anatomy(14)
    bone = view(field)
    mask = bone.astype(np.float32)
    found = subtract((bone + vein()).astype(np.float32), mask, EVERYWHERE)
    dense, thin = bone > np.percentile(bone, 70), bone < np.percentile(bone, 30)
    inside = vein() > 0.24
    over_dense, over_thin = (np.mean(found.change[inside & part]) for part in (dense, thin))
    assert over_dense == pytest.approx(over_thin, abs=0.02)


def test_a_named_shift_is_taken_as_it_is():
    field = anatomy(15)
    mask, frame = (view(field, shift).astype(np.float32) for shift in ((0, 0), (3, -2)))
    right = subtract(frame, mask, EVERYWHERE, shift=(3.0, -2.0))
    wrong = subtract(frame, mask, EVERYWHERE, shift=(0.0, 0.0))
    assert right.shift == (3.0, -2.0)
    assert np.std(right.change[right.valid]) < 0.2 * np.std(wrong.change)
    # Three rows at the top and two columns at the right show nothing of the mask.
    assert not right.valid[:3].any()
    assert not right.valid[:, -2:].any()
    assert right.valid[4:, :-3].all()


def test_changes_of_a_moving_patient_lie_on_each_other_at_the_mask():
    field = anatomy(16)
    mask = view(field).astype(np.float32)
    wide = np.pad(vein(), 16)
    for shift in ((0.0, 0.0), (4.0, -3.0)):
        frame = (view(field, shift) + view(wide, shift)).astype(np.float32)
        at_mask = subtract(frame, mask, EVERYWHERE).at_mask()
        inner = (slice(8, -8), slice(8, -8))
        assert np.std((at_mask - vein())[inner]) < 0.012


def test_images_of_different_shapes_are_refused():
    image = np.zeros((8, 8), np.float32)
    with pytest.raises(InputError, match="differ"):
        subtract(image, image[:4], np.ones((8, 8), bool))


def test_a_real_run_whose_exposure_ramps(shared_data):
    """The coronary run of ../shared/data: ramp in frames 0 to 7, contrast from about 16 on."""
    path = shared_data / "cine/right_coronary_96f_jpeg_baseline.dcm"
    with open_run(path) as cine:
        valid = np.ones(cine.shape[1:], bool)
        choice = choose_mask(cine, cine.header.intensity, valid)
    assert choice.frames[0] >= 5
    assert choice.frames[-1] <= 16
