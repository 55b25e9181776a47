"""The sizes that decide, in pixels of the run: from millimetres where it has a scale."""

import math
from dataclasses import dataclass

from guidance.records import NotFound, PixelScale
from guidance.spread._settings import MonitorSettings

_MIN_THIN_PX = 3.0
"""Nothing narrower than this can be told from noise. Working pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes that decide.

    Attributes
    ----------
    thin : float
        Contrast narrower than this is thin. Working pixels.
    vessel_length : float
        Thin contrast of this length is vessel-like. Stored pixels.
    substantial_area : float
        Contrast of this area counts when it leaves. Stored pixels.
    """

    thin: float
    vessel_length: float
    substantial_area: float


def resolve_sizes(
    scale: PixelScale | NotFound, settings: MonitorSettings, working_scale: float
) -> Sizes:
    """Return the sizes for a run.

    Parameters
    ----------
    scale : PixelScale or NotFound
        Of the stored pixels; one that holds at the detector alone is no size at the patient.
    settings : MonitorSettings
    working_scale : float
        Working pixels per stored pixel.
    """
    if isinstance(scale, NotFound) or not scale.holds_at_patient:
        return Sizes(
            thin=settings.thin_px,
            vessel_length=settings.vessel_length_px / working_scale,
            substantial_area=settings.substantial_px / working_scale**2,
        )
    pixel_mm = math.sqrt(scale.pixel_area_mm2)
    return Sizes(
        thin=max(_MIN_THIN_PX, settings.thin_mm / pixel_mm * working_scale),
        vessel_length=settings.vessel_length_mm / pixel_mm,
        substantial_area=settings.substantial_mm2 / scale.pixel_area_mm2,
    )
