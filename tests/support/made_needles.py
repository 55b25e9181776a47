"""Pictures of needles that cost nothing: a straight line on noise."""

import numpy as np

from guidance.training.needles import NeedleExamples


def made(index: int = 0, patient: str = "va000", angle: float = 0.3) -> NeedleExamples:
    """Return a straight needle on noise; costs nothing."""
    rng = np.random.default_rng(index)
    tip = np.array([60.0 + index % 7, 50.0])
    along = np.arange(0.0, 60.0, 0.25)
    steel = np.zeros((130, 150), np.uint8)
    rows, columns = tip[0] + along * np.sin(angle), tip[1] + along * np.cos(angle)
    steel[np.rint(rows).astype(int), np.rint(columns).astype(int)] = 80
    values = rng.standard_normal(steel.shape) + 5.0 * (steel > 0)
    known = np.ones((1, *steel.shape), np.bool_)
    known[:, :, :10] = False
    byte = np.clip(np.rint(25 * np.arcsinh(values) + 128), 0, 255)
    return NeedleExamples(
        pictures=byte[None].astype(np.uint8),
        known=known,
        steel=steel,
        tips=tip[None],
        pixel_mm=0.5,
        view="oblique",
        patient=patient,
        suite="validation",
        index=index,
    )
