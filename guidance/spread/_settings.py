"""Settings of the first contrast analysis, each with its unit and its reason."""

from dataclasses import dataclass

from guidance.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How a `Monitor` looks at a run.

    Lengths in working pixels hold after the frame has been reduced so that its larger side is at
    most `working_px`; millimetres are used instead wherever the run has a scale.

    Attributes
    ----------
    working_px : int
        Larger side of the image that is analysed. 512 keeps a 1 mm vessel two pixels wide in a
        250 mm field.
    blur_px : float
        Standard deviation of the smoothing before comparison; about the blur of the detector.
    calm_gain : float
        The exposure has settled when ln(intensity) changes by less than this between frames; a
        quantum-limited median is steady to 0.001, an exposure ramp moves by 0.05 and more.
    calm_frames : int
        So many calm frames in a row end the settling.
    guard_s : float
        A frame becomes a reference only when it is this old, so that slowly arriving contrast does
        not become its own reference. At 0.5 mL over 2 s contrast takes about half a second from its
        first trace to where it is seen.
    guard_frames : int
        The same in frames: at least so many, and all there is where times are unknown.
    references : int
        References kept: enough to hold one breath (4 s) at 1.5 per second.
    compared : int
        References that a frame is compared with, the most alike first.
    motion_margin_px : float
        Motion that alignment leaves at edges: tools and bone move a little each for themselves.
        Working pixels.
    slow_radius_px : float
        Changes wider than this are shading, not contrast: about 10 mm in a 250 mm field, twice that
        in a magnified one; half a millilitre makes a pool of 5 to 15 mm. Working pixels.
    average_s, average_frames : float
        Time constants of the recursive average of the change; the shorter one counts. Contrast in
        the smallest vein shows for about half a second.
    seed_z : float
        A pixel is lit when it stands out by so many standard deviations, by the best filter.
    peak_z : float
        Contrast stands out by so many somewhere. Of 10^6 pixels, filters and frames, noise alone
        reaches 6 in one of a thousand.
    stay_z : float
        What has been lit in the frame before goes on being so down to this.
    grow_z : float
        Pixels joined to sure ones are contrast down to so many.
    min_area_px : int
        Smallest contrast that is believed. Working pixels; five make one resolution element.
    added_share : float
        Contrast adds attenuation; what moves only shifts it. Of the change in and around contrast,
        at most this share may be loss.
    moved_share : float
        What a shift of the reference explains to this share of its squared change has moved.
    confirm_frames : int
        Contrast is believed when it is lit in so many distinct frames in a row.
    confirm_s : float
        And for so long, where frames come faster.
    thin_mm, thin_px : float
        Contrast narrower than this is thin, in millimetres or, without a scale, in working pixels.
        Lumbar epidural and segmental veins are 1 to 3 mm wide.
    vessel_length_mm, vessel_length_px : float
        Thin contrast of this length is vessel-like: longer than the ragged edge of a pool.
    substantial_mm2, substantial_px : float
        Contrast that never grew to this area, in square millimetres or, without a scale, in
        working pixels, and is gone again is dismissed as a spot that came and went: 0.02 mL in a
        layer of a millimetre (guess).
    lasting_frames : int
        The same in frames: contrast that was seen in fewer is dismissed when it is gone.
    flag_frames : int
        So many frames in a row must show it before the flag goes up.
    run_off : float
        Share of the signal that must have left for wash-out to raise the flag. Contrast in tissue
        stays for minutes (guess: half is far outside of what motion and exposure do to the sum).
    """

    working_px: int = 512
    blur_px: float = 1.2
    calm_gain: float = 0.04
    calm_frames: int = 2
    guard_s: float = 1.0
    guard_frames: int = 3
    references: int = 6
    compared: int = 3
    motion_margin_px: float = 0.5
    slow_radius_px: float = 24.0
    average_s: float = 0.2
    average_frames: float = 1.5
    seed_z: float = 3.5
    peak_z: float = 6.0
    stay_z: float = 4.5
    grow_z: float = 3.0
    min_area_px: int = 10
    added_share: float = 0.2
    moved_share: float = 0.4
    confirm_frames: int = 3
    confirm_s: float = 0.1
    thin_mm: float = 3.0
    thin_px: float = 9.0
    vessel_length_mm: float = 12.0
    vessel_length_px: float = 36.0
    substantial_mm2: float = 20.0
    substantial_px: float = 120.0
    lasting_frames: int = 6
    flag_frames: int = 3
    run_off: float = 0.5

    def __post_init__(self) -> None:
        """Check that sizes and counts are positive and shares are shares."""
        for name in ("working_px", "references", "compared", "confirm_frames", "flag_frames"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("added_share", "moved_share", "run_off"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected between 0 and 1")
