"""One patient: a spine and the body around it."""

from dataclasses import dataclass, field

import numpy as np

from guidance.spine._body import BodyRanges, BodySettings, draw_body
from guidance.spine._body_bowel import GasPocket
from guidance.spine._body_frame import extents_grid, measure_extents
from guidance.spine._body_layout import Body, build_body
from guidance.spine._build import Spine, build_spine, sample_bones
from guidance.spine._draw import SpineRanges, draw_spine
from guidance.spine._settings import SpineSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomySettings:
    """A patient as plain numbers.

    Attributes
    ----------
    spine : SpineSettings
        The bones.
    body : BodySettings
        All else.
    """

    spine: SpineSettings
    body: BodySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyRanges:
    """What a patient is drawn from.

    Attributes
    ----------
    spine : SpineRanges
        For the bones.
    body : BodyRanges
        For all else.
    """

    spine: SpineRanges = field(default_factory=SpineRanges)
    body: BodyRanges = field(default_factory=BodyRanges)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anatomy:
    """A patient, ready to be filled into voxels.

    Attributes
    ----------
    spine : Spine
        The bones, with ``spine.landmarks``.
    body : Body
        The soft tissue.
    gas : tuple of GasPocket
        Gas in the bowel. Exchange it (`dataclasses.replace`) for gas that has moved.
    """

    spine: Spine
    body: Body
    gas: tuple[GasPocket, ...]

    @property
    def settings(self) -> AnatomySettings:
        """What the patient was built from."""
        return AnatomySettings(spine=self.spine.settings, body=self.body.settings)


def draw_anatomy(rng: np.random.Generator, ranges: AnatomyRanges | None = None) -> AnatomySettings:
    """Draw a patient: first the spine, then the body.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same patient.
    ranges : AnatomyRanges, optional
        What to draw from.
    """
    ranges = AnatomyRanges() if ranges is None else ranges
    spine = draw_spine(rng, ranges.spine)
    return AnatomySettings(spine=spine, body=draw_body(rng, ranges.body))


def build_anatomy(spine_settings: SpineSettings, body_settings: BodySettings) -> Anatomy:
    """Return the patient that the settings describe; nothing in it is left to chance.

    Parameters
    ----------
    spine_settings : SpineSettings
        The bones.
    body_settings : BodySettings
        The soft tissue; the same body can be put around another spine.
    """
    spine = build_spine(spine_settings)
    grid = extents_grid(spine.landmarks)
    extents = measure_extents(grid, sample_bones(spine, grid).distance_mm.astype(np.float64))
    body = build_body(spine.landmarks, extents, body_settings)
    return Anatomy(spine=spine, body=body, gas=body.gas)
