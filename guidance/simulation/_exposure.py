"""The X-ray side: tube, dose, scatter, and the automatic brightness control that drives them.

The control watches the mean of the middle of the raw image and corrects the tube's output for later
pulses. So a run begins with a ramp, and contrast, needle hub or gas in the middle make the whole
image change. Part of the correction goes into the tube voltage, which also changes the contrast.
How such controls work: Rauch et al., AAPM TG-125, Med Phys 39:2826 (2012); Lin, Med Phys 34:3169
(2007). Makers do not publish their constants.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.simulation._transmission import REFERENCE_BODY_G_PER_CM2

Range = tuple[float, float]

# Behind an abdomen the signal grows with about this power of the voltage at constant mAs.
KV_POWER = 5.0
KVP_LIMITS = (50, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Automatic brightness control.

    Attributes
    ----------
    start_share : float
        Signal of the first pulse relative to the target: the technique of the run before.
    loop_gain : float
        Share of the error, in logarithms, that one pulse corrects.
    delay_pulses : int
        Pulses that pass until a correction is in force, beside the next one.
    dead_band : float
        Relative error that is let be.
    kv_share : float
        Share of the correction that goes into the voltage; the rest goes into the mAs.
    region_share : float
        Width of the watched square as a share of the image.
    most_output : float
        The tube's limit, relative to what the first view needs.
    video_gain : float
        Share of what error is left that the camera or software takes out of the same image, 0 to 1.
    """

    start_share: float = 1.0
    loop_gain: float = 0.3
    delay_pulses: int = 1
    dead_band: float = 0.03
    kv_share: float = 0.3
    region_share: float = 0.5
    most_output: float = 3.0
    video_gain: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a control that cannot settle."""
        # An integrator behind a delay of d samples is stable below this gain.
        most = 2 * np.sin(np.pi / (2 * (2 * self.delay_pulses + 1)))
        if self.delay_pulses < 0 or not 0 <= self.loop_gain < 0.8 * most:
            raise InputError(
                f"loop_gain {self.loop_gain} behind {self.delay_pulses} pulses of delay; expected "
                f"0 to below {0.8 * most:.2f}, or the brightness swings up"
            )
        shares = (self.kv_share, self.video_gain, self.dead_band)
        if not (min(shares) >= 0 and max(shares) <= 1 and 0 < self.region_share <= 1):
            raise InputError(
                f"kv_share, video_gain, dead_band are {shares} and region_share "
                f"{self.region_share}; expected shares from 0 to 1"
            )
        if not (self.start_share > 0 and self.most_output >= 1):
            raise InputError(
                f"start_share {self.start_share}, most_output {self.most_output}; expected more "
                "than 0, and at least 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class XRaySettings:
    """Tube, filters, dose and scatter of one run.

    Attributes
    ----------
    kvp : float
        Tube voltage at the start. Kilovolts.
    aluminium_mm, copper_mm : float
        Total filtration. Millimetres.
    anode_angle_deg : float
        Of the target. Degrees.
    dose_ngy : float
        Air kerma at the detector per pulse, in the watched middle, once the control has settled.
    focal_spot_mm : float
        Width of the focal spot. Millimetres.
    scatter_to_primary, scatter_sigma_mm : float
        Behind the grid and 20 g/cm² of muscle, and its reach at the detector. Millimetres.
    penumbra_mm : float
        Width of a blade's edge at the detector. Millimetres.
    control : ControlSettings
        Brightness control.
    """

    kvp: float = 80.0
    aluminium_mm: float = 3.5
    copper_mm: float = 0.1
    anode_angle_deg: float = 12.0
    dose_ngy: float = 40.0
    focal_spot_mm: float = 0.6
    scatter_to_primary: float = 0.8
    scatter_sigma_mm: float = 45.0
    penumbra_mm: float = 2.0
    control: ControlSettings = ControlSettings()

    def __post_init__(self) -> None:
        """Refuse what no fluoroscope does; the spectrum checks voltage and filters."""
        if not KVP_LIMITS[0] <= self.kvp <= KVP_LIMITS[1]:
            raise InputError(
                f"kvp is {self.kvp}, expected {KVP_LIMITS[0]} to {KVP_LIMITS[1]} kilovolts"
            )
        if not (0 <= self.aluminium_mm <= 30 and 0 <= self.copper_mm <= 3):
            raise InputError(
                f"filters of {self.aluminium_mm} mm aluminium and {self.copper_mm} mm copper; "
                "expected 0 to 30 and 0 to 3"
            )
        if not 3 <= self.anode_angle_deg <= 45:
            raise InputError(f"anode_angle_deg is {self.anode_angle_deg}, expected 3 to 45")
        positive = (self.dose_ngy, self.scatter_sigma_mm)
        if not min(positive) > 0:
            raise InputError(f"dose_ngy, scatter_sigma_mm are {positive}, expected more than 0")
        rest = (self.focal_spot_mm, self.scatter_to_primary, self.penumbra_mm)
        if not min(rest) >= 0:
            raise InputError(
                f"focal_spot_mm, scatter_to_primary, penumbra_mm are {rest}, expected 0 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class XRayRanges:
    """Ranges that `draw_xray` draws from.

    Sources: [N] Nickoloff, RadioGraphics 31:591 (2011); [C] Chan, Higashida and Doi, Med Phys
    12:449 (1985), grids; [K] Kalender, Phys Med Biol 27:835 (1982), scatter; IEC 60601-1-3.
    """

    kvp: Range = (68.0, 86.0)  # behind 20 g/cm²: [N] 70 to 90 kV in adult fluoroscopy
    kv_per_g_per_cm2: float = 1.2  # guess: controls raise the voltage with the thickness
    aluminium_mm: Range = (2.5, 5.0)  # IEC 60601-1-3: at least 2.5; guess
    copper_mm: Range = (0.0, 0.3)  # [N] 0.1 to 0.9 in angiography; none in old mobile C-arms
    anode_angle_deg: Range = (8.0, 16.0)  # usual tubes
    dose_ngy: Range = (10.0, 90.0)  # log-uniform; [N] and guess: fluoroscopy, 5 to 100 a pulse
    high_dose_share: float = 0.12  # guess: recorded with a boost, digital spot or subtraction mode
    high_dose_ngy: Range = (90.0, 500.0)  # log-uniform; [N] cine 100 to 200; guess
    focal_spot_mm: Range = (0.3, 1.2)  # small and large focus; blooming included
    scatter_to_primary: Range = (0.3, 1.6)  # [K] 3 to 5 without, [C] 0.3 to 1.5 with a grid
    scatter_sigma_mm: Range = (30.0, 70.0)  # [K]; guess
    penumbra_mm: Range = (1.0, 5.0)  # focal spot times 3 to 6, from where blades are
    start_share: Range = (0.45, 2.0)  # log-uniform; guess
    settled_share: float = 0.5  # guess: runs that begin after the control has settled
    loop_gain: Range = (0.25, 0.7)  # divided by 1 + delay; guess
    delay_pulses: tuple[int, int] = (0, 3)  # guess
    dead_band: Range = (0.0, 0.06)  # guess
    kv_share: Range = (0.0, 0.7)  # guess
    region_share: Range = (0.3, 0.7)  # guess
    most_output: Range = (1.2, 5.0)  # guess
    video_gain: Range = (0.0, 1.0)  # guess; half of the units have none


def draw_xray(
    rng: np.random.Generator,
    ranges: XRayRanges,
    body_g_per_cm2: float = REFERENCE_BODY_G_PER_CM2,
) -> XRaySettings:
    """Return one run's X-rays for a body of so much mass per area in the middle of the view."""
    is_high = rng.random() < ranges.high_dose_share
    dose = _log_uniform(rng, ranges.high_dose_ngy if is_high else ranges.dose_ngy)
    kvp = rng.uniform(*ranges.kvp) + ranges.kv_per_g_per_cm2 * (
        body_g_per_cm2 - REFERENCE_BODY_G_PER_CM2
    )
    start = _log_uniform(rng, ranges.start_share)
    is_settled = rng.random() < ranges.settled_share
    delay = int(rng.integers(*ranges.delay_pulses, endpoint=True))
    video_gain = rng.uniform(*ranges.video_gain)
    has_video_gain = rng.random() < 0.5
    return XRaySettings(
        kvp=float(np.clip(kvp, *KVP_LIMITS)),
        aluminium_mm=rng.uniform(*ranges.aluminium_mm),
        copper_mm=rng.uniform(*ranges.copper_mm),
        anode_angle_deg=rng.uniform(*ranges.anode_angle_deg),
        dose_ngy=dose,
        focal_spot_mm=rng.uniform(*ranges.focal_spot_mm),
        scatter_to_primary=rng.uniform(*ranges.scatter_to_primary),
        scatter_sigma_mm=rng.uniform(*ranges.scatter_sigma_mm),
        penumbra_mm=rng.uniform(*ranges.penumbra_mm),
        control=ControlSettings(
            start_share=1.0 if is_settled else start,
            loop_gain=rng.uniform(*ranges.loop_gain) / (1 + delay),
            delay_pulses=delay,
            dead_band=rng.uniform(*ranges.dead_band),
            kv_share=rng.uniform(*ranges.kv_share),
            region_share=rng.uniform(*ranges.region_share),
            most_output=rng.uniform(*ranges.most_output),
            video_gain=video_gain if has_video_gain else 0.0,
        ),
    )


def _log_uniform(rng: np.random.Generator, bounds: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


class BrightnessControl:
    """The control of one run: tells the technique of the next pulse, learns what it gave."""

    def __init__(self, settings: ControlSettings, kvp: float) -> None:
        """Start with the technique of the run before."""
        self._settings = settings
        self._start_kvp = kvp
        self._most = float(np.log(settings.most_output))
        # Nepers of output above what the first view needs.
        self._demand = float(np.clip(np.log(settings.start_share), -np.inf, self._most))
        self._pending: deque[float] = deque([0.0] * settings.delay_pulses)

    @property
    def kvp(self) -> int:
        """Voltage of the next pulse, in the generator's steps. Kilovolts."""
        raised = self._start_kvp * np.exp(self._settings.kv_share * self._demand / KV_POWER)
        return int(np.clip(round(raised), *KVP_LIMITS))

    @property
    def mas_share(self) -> float:
        """Charge of the next pulse relative to what the first view needs at the first voltage."""
        return float(np.exp((1 - self._settings.kv_share) * self._demand))

    def watch(self, measured: float) -> None:
        """Take in what a pulse gave in the watched middle, relative to the target."""
        error = -float(np.log(max(measured, 1e-3)))
        is_wrong = abs(error) > self._settings.dead_band
        self._pending.append(self._settings.loop_gain * error if is_wrong else 0.0)
        # A control that winds up at its limit would come back late; this one does not.
        self._demand = min(self._demand + self._pending.popleft(), self._most)

    def video_gain(self, measured: float) -> float:
        """Return the factor by which the same image is brightened."""
        return float(max(measured, 1e-3) ** -self._settings.video_gain)
