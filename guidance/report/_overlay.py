"""Pictures with the contrast burnt in: the moving overlay (GIF) and the thumbnail (PNG)."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from guidance.errors import InputError
from guidance.records import Analysis, Cine
from guidance.report._course import frame_times, key_frames, shown_frame
from guidance.report._display import (
    DisplayWindow,
    Grey,
    Values,
    choose_window,
    encode_png,
    reduce_frame,
)
from guidance.report._outlines import Outlines, Polygon, check_run, draw_outlines
from guidance.report._words import NBSP, seconds
from guidance.report.style import FLAG, OUTLINE, OUTLINE_CASING

WIDEST_PX = 512
NARROWEST_PX = 240
"""Smaller frames are enlarged by a whole number, so that the caption can be read."""
THUMBNAIL_PX = 320
SUPERSAMPLING = 3

GREYS = 96
"""Grey levels of the GIF; fewer let its compression work, more cannot be told apart."""
FLAG_SHADES = 16
BACKGROUND = 22
"""Grey level of the caption's bar, of 255."""
OUTLINE_INDEX, CASING_INDEX = GREYS + FLAG_SHADES, GREYS + FLAG_SHADES + 1
UNCHANGED = 255
"""Index of a pixel that stays as the frame before left it."""
STILL_LEVELS = 2
"""A pixel is drawn anew when it is off by more than this: 2 % of the range, below what is seen."""

HUNDREDTHS_UNKNOWN = 10
"""Duration of a frame where no times are known. Hundredths of a second, as GIF counts."""
HUNDREDTHS_LAST = 100
"""The last frame stands for a second before the run starts again."""
HUNDREDTHS_SHORTEST = 2
"""Browsers take less for a tenth of a second."""
HUNDREDTHS_LONGEST = 0xFFFF


def frame_durations(times: Sequence[float] | None, n_frames: int) -> list[int]:
    """Return how long each frame of a GIF stands, (T,), hundredths of a second.

    Each frame ends where its true end, rounded, lies, so that rounding does not add up: 30 frames
    per second become 3, 4, 3, ... The last frame has no end; it stands for a second.
    """
    if times is None:
        return [HUNDREDTHS_UNKNOWN] * (n_frames - 1) + [HUNDREDTHS_LAST]
    ends = [round(100 * time) for time in times]
    lengths = [later - earlier for earlier, later in pairwise(ends)]
    shown = [min(max(length, HUNDREDTHS_SHORTEST), HUNDREDTHS_LONGEST) for length in lengths]
    return [*shown, HUNDREDTHS_LAST]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caption:
    """What stands under one frame of the GIF; `share` is its place in the run, 0 to 1."""

    text: str
    flagged: bool
    share: float
    onset_share: float | None
    flag_share: float | None


def render_overlay_gif(analysis: Analysis, cine: Cine, outlines: Outlines) -> bytes:
    """Render the run as an animated GIF, the contrast outlined, in true time.

    Under each frame stand its number and time, its place in the run, and from the flag on a flag
    with the word. Frames are read and written one at a time.

    Parameters
    ----------
    analysis : Analysis
        The result.
    cine : Cine
        The run it was made of.
    outlines : sequence of sequences of (N, 2) arrays
        Per frame, closed polygons about the contrast seen in it: [row, column], stored pixels.

    Returns
    -------
    bytes
        A GIF file, at most 512 pixels wide. Same input, same bytes.

    Raises
    ------
    InputError
        The three do not describe one run.
    """
    import PIL.Image
    from PIL import GifImagePlugin

    check_run(analysis, cine, outlines)
    times = frame_times(analysis)
    window = _run_window(analysis, cine)
    captions = _captions(analysis, times)
    chunks: list[bytes] = []
    seen: Grey | None = None
    for frame, hundredths in enumerate(frame_durations(times, len(cine))):
        indices = _draw_frame(cine[frame], outlines[frame], window, captions[frame])
        if seen is None:
            chunks.append(_file_header(*reversed(indices.shape)))
            seen = indices
            image = PIL.Image.fromarray(indices)
        else:
            change, seen = _change(indices, seen)
            image = PIL.Image.fromarray(change)
        # The mode says that pixels are indices; the file's palette is used, never this one.
        image.putpalette(bytes(768))
        # Pillow's own writer of animations keeps all frames in memory; this one frame at a time.
        chunks.extend(
            GifImagePlugin.getdata(
                image, duration=10 * hundredths, disposal=1, transparency=UNCHANGED
            )
        )
    return b"".join([*chunks, b";"])


def render_thumbnail(analysis: Analysis, cine: Cine, outlines: Outlines) -> bytes:
    """Render the frame with the most contrast, outlined, as a small PNG for an index page.

    Parameters
    ----------
    analysis : Analysis
        The result.
    cine : Cine
        The run it was made of.
    outlines : sequence of sequences of (N, 2) arrays
        Per frame, closed polygons about the contrast seen in it: [row, column], stored pixels.

    Returns
    -------
    bytes
        A PNG file, at most 320 pixels wide or high.
    """
    import PIL.Image
    import PIL.ImageDraw

    check_run(analysis, cine, outlines)
    frame = shown_frame(analysis)
    pixels = cine[frame]
    grey = _run_window(analysis, cine).grey(reduce_frame(pixels, THUMBNAIL_PX))
    picture = PIL.Image.fromarray(grey).convert("RGBA")
    # Drawn large and averaged down: Pillow draws lines without smoothing.
    size = (picture.width * SUPERSAMPLING, picture.height * SUPERSAMPLING)
    layer = PIL.Image.new("RGBA", size, OUTLINE_CASING + "00")
    scale = size[0] / pixels.shape[1]
    draw_outlines(PIL.ImageDraw.Draw(layer), outlines[frame], scale, 2 * SUPERSAMPLING)
    picture.alpha_composite(layer.resize(picture.size, PIL.Image.Resampling.BOX))
    return encode_png(np.asarray(picture.convert("RGB")))


def _run_window(analysis: Analysis, cine: Cine) -> DisplayWindow:
    samples = [reduce_frame(cine[frame], THUMBNAIL_PX) for frame in key_frames(analysis)]
    return choose_window(cine.header, samples)


def _captions(analysis: Analysis, times: list[float] | None) -> list[_Caption]:
    n_frames, contrast = analysis.source.n_frames, analysis.contrast
    at = times or [float(frame) for frame in range(n_frames)]
    flagged = {record.frame for record in contrast.frames if record.flagged}

    def share(frame: int | None) -> float | None:
        return None if frame is None else at[frame] / (at[-1] or 1.0)

    return [
        _Caption(
            # Pillow's own font has no no-break space.
            text=f"frame {frame}   {seconds(times[frame] if times else None)}".replace(NBSP, " "),
            flagged=frame in flagged,
            share=share(frame) or 0.0,
            onset_share=share(contrast.onset_frame),
            flag_share=share(contrast.flag_frame),
        )
        for frame in range(n_frames)
    ]


def _file_header(width: int, height: int) -> bytes:
    """Return the start of a GIF file with one palette for all frames, looping for ever."""
    palette = bytearray(768)
    for level in range(GREYS):
        palette[3 * level : 3 * level + 3] = [round(255 * level / (GREYS - 1))] * 3
    flag = bytes.fromhex(FLAG[1:])
    for shade in range(FLAG_SHADES):
        share = shade / (FLAG_SHADES - 1)
        colour = [round(BACKGROUND + share * (channel - BACKGROUND)) for channel in flag]
        palette[3 * (GREYS + shade) : 3 * (GREYS + shade) + 3] = colour
    for index, colour_hex in ((OUTLINE_INDEX, OUTLINE), (CASING_INDEX, OUTLINE_CASING)):
        palette[3 * index : 3 * index + 3] = bytes.fromhex(colour_hex[1:])
    if not 0 < width <= 0xFFFF or not 0 < height <= 0xFFFF:
        raise InputError(f"a picture of {width} × {height} does not fit into a GIF; check the run")
    screen = struct.pack("<HHBBB", width, height, 0xF7, 0, 0)
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    return b"GIF89a" + screen + bytes(palette) + loop


def _draw_frame(
    pixels: Values, polygons: Sequence[Polygon], window: DisplayWindow, caption: _Caption
) -> Grey:
    """Return one frame of the GIF with its caption, (r, c), palette indices."""
    import PIL.Image
    import PIL.ImageDraw

    grey = window.grey(reduce_frame(pixels, WIDEST_PX))
    times = math.ceil(NARROWEST_PX / max(grey.shape))
    grey = grey.repeat(times, axis=0).repeat(times, axis=1)
    picture = PIL.Image.fromarray(_grey_index(grey))
    scale = grey.shape[1] / pixels.shape[1]
    inks = (CASING_INDEX, OUTLINE_INDEX)
    draw_outlines(PIL.ImageDraw.Draw(picture), polygons, scale, 2, inks)
    bar = _draw_caption(grey.shape[1], caption)
    return np.concatenate([np.asarray(picture), bar])


def _change(indices: Grey, seen: Grey) -> tuple[Grey, Grey]:
    """Return what to draw over the frame before, and what is then seen; (r, c) palette indices.

    Noise makes almost every pixel differ a little from frame to frame. What is seen is compared,
    not the frame before, so that small differences cannot add up.
    """
    off = np.abs(indices.astype(np.int16) - seen)
    both_grey = (indices < GREYS) & (seen < GREYS)
    still = np.where(both_grey, off <= STILL_LEVELS, off == 0)
    change = np.where(still, UNCHANGED, indices).astype(np.uint8)
    return change, np.where(still, seen, indices).astype(np.uint8)


def _grey_index(grey: Grey) -> Grey:
    return np.asarray(np.rint(grey * ((GREYS - 1) / 255)), np.uint8)


def _draw_caption(width: int, caption: _Caption) -> Grey:
    """Return the bar under a frame, (r, width), palette indices."""
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    size = max(12, round(width / 32))
    height = round(2.1 * size)
    base = PIL.Image.new("L", (width, height), BACKGROUND)
    accent = PIL.Image.new("L", (width, height), 0)
    font = PIL.ImageFont.load_default(size)
    middle, margin = height / 2 + 2, round(0.6 * size)
    draw, flag_draw = PIL.ImageDraw.Draw(base), PIL.ImageDraw.Draw(accent)
    draw.text((margin, middle), caption.text, fill=235, font=font, anchor="lm")
    draw.rectangle((0, 0, width, 3), fill=70)
    draw.rectangle((0, 0, round(caption.share * (width - 1)), 3), fill=190)
    if caption.onset_share is not None:
        at = round(caption.onset_share * (width - 1))
        draw.rectangle((at - 1, 0, at + 1, 6), fill=255)
    if caption.flag_share is not None:
        at = round(caption.flag_share * (width - 1))
        flag_draw.rectangle((at - 1, 0, at + 1, 6), fill=255)
    if caption.flagged:
        right = width - margin
        flag_draw.text((right, middle), "flagged", fill=255, font=font, anchor="rm")
        left = right - font.getlength("flagged") - 1.25 * size
        top, foot = middle - 0.55 * size, middle + 0.6 * size
        flag_draw.line((left, top, left, foot), fill=255, width=2)
        flag_draw.polygon(
            [(left, top), (left + 0.9 * size, top + 0.33 * size), (left, top + 0.66 * size)],
            fill=255,
        )
    shades = np.rint(np.asarray(accent) * ((FLAG_SHADES - 1) / 255)).astype(np.uint8)
    return np.where(shades > 0, GREYS + shades, _grey_index(np.asarray(base))).astype(np.uint8)
