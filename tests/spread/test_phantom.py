"""The run and its truth agree; the same seed gives the same run."""

from dataclasses import replace

import numpy as np
import pytest
from phantom import PhantomSettings, SimulatedRun, simulate_run
from phantom._lumbar import PATIENT_ORIENTATION, project_vertebra, view_from_vertebra
from phantom._physics import IODINE_CM2_PER_MG
from phantom._scene import lay_out

from guidance.errors import InputError
from guidance.records import SpreadPattern

SMALL = PhantomSettings(rows=160, columns=176, frames=40, spacing_iso_mm=0.5)
SEED = 11
PATTERNS = [SpreadPattern.PERINEURAL, SpreadPattern.VASCULAR, SpreadPattern.MIXED]


@pytest.fixture(scope="module")
def runs() -> dict[SpreadPattern, SimulatedRun]:
    """Return one run of each pattern, of one seed: they differ in contrast alone."""
    return {
        pattern: simulate_run(replace(SMALL, pattern=pattern), SEED)
        for pattern in (SpreadPattern.NONE, *PATTERNS)
    }


def test_the_same_seed_gives_the_same_run(runs):
    again = simulate_run(replace(SMALL, pattern=SpreadPattern.MIXED), SEED)
    np.testing.assert_array_equal(again.frames, runs[SpreadPattern.MIXED].frames)
    assert again.truth == runs[SpreadPattern.MIXED].truth


def test_another_seed_gives_another_run(runs):
    other = simulate_run(replace(SMALL, pattern=SpreadPattern.MIXED, frames=1), SEED + 1)
    assert (other.frames[0] != runs[SpreadPattern.MIXED].frames[0]).mean() > 0.5


@pytest.mark.parametrize("pattern", PATTERNS)
def test_contrast_appears_when_truth_says(runs, pattern):
    with_contrast, without = runs[pattern], runs[SpreadPattern.NONE]
    truth = with_contrast.truth
    changed = (with_contrast.frames != without.frames).any(axis=(1, 2))
    assert truth.first_iodine_frame <= int(changed.argmax()) <= truth.onset_frame
    assert not changed[: truth.first_iodine_frame].any()
    iodine = with_contrast.iodine_mg_per_cm2
    assert not iodine[: truth.first_iodine_frame].any()
    assert iodine[truth.first_iodine_frame].any()
    # 7.5 frames per second, contrast from 2.4 s on for 2 s.
    assert truth.first_iodine_frame == 19
    assert truth.injection_end_frame == 33
    assert truth.onset_frame <= truth.first_iodine_frame + 2


@pytest.mark.parametrize("pattern", PATTERNS)
def test_contrast_appears_where_truth_says(runs, pattern):
    with_contrast, without = runs[pattern], runs[SpreadPattern.NONE]
    frame = with_contrast.truth.onset_frame + 1
    change = without.frames[frame].astype(float) - with_contrast.frames[frame]
    at = np.unravel_index(change.argmax(), change.shape)
    away_mm = np.hypot(*np.subtract(at, with_contrast.truth.tip_px[frame])) * SMALL.spacing_iso_mm
    assert away_mm < 25
    # Where there is no iodine within reach of any blur, only scatter differs, and that little.
    far = np.hypot(*(np.indices(change.shape).T - at).T) * SMALL.spacing_iso_mm > 60
    clear = far & (with_contrast.iodine_mg_per_cm2[frame] == 0)
    assert np.abs(change[clear]).max() <= 3


def test_contrast_darkens_by_what_scatter_leaves_of_it(runs):
    """ln(value) falls by the iodine's attenuation times the share of primary, about 1 / 1.8."""
    run, without = runs[SpreadPattern.PERINEURAL], runs[SpreadPattern.NONE]
    iodine = run.iodine_mg_per_cm2[-1]
    pool = iodine > 0.3 * iodine.max()
    fall = np.log(without.frames[-1][pool].astype(float) / run.frames[-1][pool])
    slope = fall.sum() / (IODINE_CM2_PER_MG * iodine[pool].sum())
    assert 0.3 < slope < 0.65


@pytest.mark.parametrize("pattern", PATTERNS)
def test_iodine_in_the_image_is_never_more_than_was_given(runs, pattern):
    run = runs[pattern]
    pixel_cm2 = (SMALL.spacing_iso_mm / 10) ** 2
    sums = run.iodine_mg_per_cm2.sum(axis=(1, 2), dtype=np.float64) * pixel_cm2
    np.testing.assert_allclose(sums, run.truth.iodine_in_image_mg, atol=1e-3)
    assert max(run.truth.iodine_in_image_mg) <= run.truth.injected_iodine_mg * 1.01


def test_a_pool_keeps_all_of_the_iodine(runs):
    assert runs[SpreadPattern.PERINEURAL].truth.iodine_in_image_mg[-1] == pytest.approx(
        96, rel=0.01
    )


def test_verdicts(runs):
    verdicts = {pattern: run.truth.verdict for pattern, run in runs.items()}
    assert verdicts == {
        SpreadPattern.NONE: "none",
        SpreadPattern.PERINEURAL: "extravascular",
        SpreadPattern.VASCULAR: "intravascular",
        SpreadPattern.MIXED: "intravascular",
    }
    assert runs[SpreadPattern.NONE].truth.injected_iodine_mg == 0
    assert runs[SpreadPattern.NONE].truth.onset_frame is None
    assert runs[SpreadPattern.PERINEURAL].truth.first_visible_vessel_frame is None
    assert 0.15 <= runs[SpreadPattern.MIXED].truth.vessel_dose_fraction <= 0.4


def test_a_run_that_ends_before_the_contrast_shows_none():
    run = simulate_run(replace(SMALL, frames=10), SEED)
    assert (run.truth.pattern, run.truth.verdict) == ("none", "none")
    assert run.truth.first_iodine_frame is None


def test_the_tip_follows_the_bone(runs):
    tips = np.array(runs[SpreadPattern.NONE].truth.tip_px)
    swing_mm = np.ptp(tips, axis=0) * SMALL.spacing_iso_mm
    assert np.hypot(*swing_mm) == pytest.approx(2 * SMALL.motion_mm, rel=0.05)
    still = simulate_run(replace(SMALL, motion_mm=0.0, frames=3), SEED)
    assert len(set(still.truth.tip_px)) == 1


def test_the_needle_begins_at_the_tip():
    scene = lay_out((200, 220), 0.5, 0.0, SEED)
    steel = np.argwhere(scene.steel_cm > 0.01)
    away = np.hypot(*(steel - scene.canvas.origin_px).T)
    assert away.min() < 1.5
    # All of it lies on one side of the tip: the shaft runs down and to the left.
    assert (steel[away > 3] - scene.canvas.origin_px).T[0].min() > 0
    assert (steel[away > 3] - scene.canvas.origin_px).T[1].max() < 0
    # 0.515 mm of hollow steel at 49° to the beam: at most 0.7 mm, less where pixels are wide.
    assert 0.01 < scene.steel_cm.max() < 0.07


def test_bone_is_where_a_left_scotty_dog_has_it():
    """Left pedicle left of the spinous process, left transverse process outside both."""
    view = view_from_vertebra(0.0)
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-12)
    places = np.array([(16, 3, 4), (0, 45, -10), (45, 14, 6)], float)
    left_pedicle, spinous, left_tip = places @ view.T
    assert left_tip[0] < left_pedicle[0] < 0 < spinous[0]
    # Rows run to the patient's right and back, columns to the feet.
    assert PATIENT_ORIENTATION == ("RP", "F")
    assert view[0, 0] < 0 < view[0, 1]
    assert view[1, 2] == -1


def test_bone_length_is_plausible():
    """A body of 35 mm with 15 % of compact bone and two thin walls, the arch on top."""
    bone = project_vertebra(0.0)
    assert 0.4 < np.median(bone[bone > 0.3]) < 1.6
    assert bone.max() < 4.5
    assert not bone[[0, -1]].any()
    assert not bone[:, [0, -1]].any()


def test_exposure_rises_in_the_first_frames(runs):
    means = runs[SpreadPattern.NONE].frames.mean(axis=(1, 2))
    assert means[0] == pytest.approx((1 - SMALL.exposure_ramp) * means[-10:].mean(), rel=0.03)
    assert means[9] == pytest.approx(means[-10:].mean(), rel=0.03)


def test_noise_falls_with_dose():
    spread = {}
    for dose in (25.0, 100.0):
        settings = replace(SMALL, frames=2, motion_mm=0.0, exposure_ramp=0.0)
        run = simulate_run(replace(settings, detector_dose_ngy=dose, bits_stored=12), SEED)
        spread[dose] = np.diff(run.frames.astype(float), axis=0).std()
    # Electronic noise adds a little to the lower dose.
    assert spread[25.0] / spread[100.0] == pytest.approx(2.0, rel=0.05)


def test_uneven_times_are_uneven_and_begin_at_zero():
    run = simulate_run(replace(SMALL, uneven_timing=True, frames=64), SEED)
    steps = np.diff(run.times_s)
    assert run.times_s[0] == 0
    assert (steps > 0.08).all()
    assert steps.std() > 0.005
    np.testing.assert_array_equal(run.times_s, np.round(run.times_s, 4))


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (10, np.uint16), (12, np.uint16)])
def test_values_fill_the_bits_they_have(bits, dtype):
    run = simulate_run(replace(SMALL, bits_stored=bits, frames=4), SEED)
    assert run.frames.dtype == dtype
    middle = run.frames[3][53:107, 58:118].mean()
    assert middle == pytest.approx(0.25 * (2**bits - 1), rel=0.12)
    assert run.frames.max() < 2**bits - 1


def test_blades_and_letters():
    settings = replace(SMALL, collimator_mm=(10, 5, 6, 0), marker="L", frames=2)
    run = simulate_run(settings, SEED)
    edges = settings.collimator
    assert (edges.top, edges.bottom, edges.left, edges.right) == (20, 149, 12, 175)
    inside = np.zeros((160, 176), bool)
    inside[20:150, 12:] = True
    letters = run.frames[1] == 1023
    assert 20 < letters.sum() < 300
    assert not run.frames[1][~inside & ~letters].any()
    assert (run.frames[1][inside] > 0).all()


FAULTS = {
    "pattern": {"pattern": SpreadPattern.EPIDURAL},
    "64×64": {"rows": 8},
    "frames_per_second": {"frames_per_second": 0.0},
    "spacing_iso_mm": {"spacing_iso_mm": float("nan")},
    "motion_mm": {"motion_mm": 3.0},
    "bits_stored": {"bits_stored": 16},
    "vessel_dose_fraction": {"vessel_dose_fraction": 0.2},
}


@pytest.mark.parametrize("named", FAULTS)
def test_nonsense_is_refused(named):
    with pytest.raises(InputError, match=named):
        PhantomSettings(**FAULTS[named])
