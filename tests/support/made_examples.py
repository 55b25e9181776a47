"""Examples that cost nothing: vessels are lines, pools are discs, all else is noise."""

import numpy as np

from guidance.training import RunExamples


def made_run(
    index: int, pattern: str = "vascular", frames: int = 6, patient: str = ""
) -> RunExamples:
    """Return examples of a run whose contrast comes half way."""
    rng = np.random.default_rng(index)
    channels = np.clip(128 + 12 * rng.standard_normal((frames, 8, 256, 256)), 0, 255)
    maps = np.zeros((frames, 3, 128, 128), np.uint8)
    has_contrast = np.arange(frames) >= frames // 2
    if pattern == "none":
        has_contrast[:] = False
    is_vascular = pattern in ("vascular", "mixed")
    row = 40 + 8 * (index % 8)
    for frame in np.flatnonzero(has_contrast):
        drawn = np.s_[row : row + 4, 30:100] if is_vascular else np.s_[row : row + 24, 50:74]
        maps[frame, 0][drawn] = 255
        if is_vascular:
            maps[frame, 1:] = maps[frame, 0]
        whole = maps[frame, 0].repeat(2, 0).repeat(2, 1) / 255
        channels[frame, :4] += 60 * whole
    return RunExamples(
        channels=np.clip(channels, 0, 255).astype(np.uint8),
        maps=maps,
        frames=np.arange(frames),
        vessel_visible=has_contrast & is_vascular,
        has_contrast=has_contrast,
        vessel_px=np.where(has_contrast & is_vascular, 500.0, 0.0),
        is_vascular=is_vascular,
        pattern=pattern,
        patient=patient or f"va{index:03d}",
        suite="validation",
        index=index,
    )
