"""What a radiograph of a volume costs; reported, never failed for.

With `make bench`. Beside other programs: ``python tools/compare_projection.py``.
"""

import numpy as np
import pytest

from guidance.geometry import ConeBeamView
from guidance.projection import PreparedVolume, integrate
from guidance.records import Volume

FULL, SMALL = 256, 48  # where nothing is timed, a small volume shows that it works
SPAN_MM = 200.0


def tubes(n: int) -> Volume:
    """Return a cube of voxels with thick-walled tubes in it: one in twelve is not 0."""
    at = (np.arange(n, dtype=np.float32) - (n - 1) / 2) * SPAN_MM / n
    z, y, x = at[:, None, None], at[:, None], at
    radius = np.hypot(x, y - 10) - 3 * np.cos(z / 6)
    values = np.where((radius > 16) & (radius < 32), np.float32(0.4), np.float32(0))
    transform = np.zeros((4, 4))
    transform[0, 2] = transform[1, 1] = transform[2, 0] = SPAN_MM / n
    transform[:3, 3] = at[0]
    transform[3, 3] = 1
    return Volume(values=values, lps_from_vox=transform)


def view_of(side: int, primary: float, secondary: float) -> ConeBeamView:
    return ConeBeamView(
        primary_angle_deg=primary,
        secondary_angle_deg=secondary,
        isocenter_lps_mm=(0.0, 0.0, 0.0),
        sid_mm=1000.0,
        sod_mm=700.0,
        rows=side,
        columns=side,
        spacing_det_mm=(290 / side, 290 / side),
    )


@pytest.fixture(scope="module")
def volume(request: pytest.FixtureRequest) -> Volume:
    return tubes(SMALL if request.config.getoption("benchmark_disable") else FULL)


@pytest.mark.benchmark(group="a radiograph of 256³ voxels")
@pytest.mark.parametrize("angles", [(0, 0), (90, 0), (25, 0), (0, 25)])
@pytest.mark.parametrize("side", [256, 512])
def test_prepared(benchmark, volume: Volume, side: int, angles: tuple[float, float]):
    image = benchmark(integrate, PreparedVolume(volume), view_of(side, *angles))
    assert image.shape == (side, side)
    assert image.max() > 1


@pytest.mark.benchmark(group="the first radiograph of 256³ voxels")
@pytest.mark.parametrize("angles", [(0, 0), (90, 0)])
def test_not_prepared(benchmark, volume: Volume, angles: tuple[float, float]):
    assert benchmark(integrate, volume, view_of(256, *angles)).max() > 1
