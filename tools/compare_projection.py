"""Compare our radiographs with those of other programs: speed, one thread each, and difference.

    python tools/compare_projection.py --itk-python OTHER/bin/python

`plastimatch` is looked for on the path (Debian package plastimatch). ITK and RTK live in an
environment of their own (``pip install itk itk-rtk numpy``), whose interpreter is given; without
it they are left out. Bones that nobody's patient has are made on the spot.

Times are of the processor, not of the clock, so that other work on the machine hardly tells.
plastimatch makes one image and then several, and the difference counts: its start and its reading
of the volume do not. The others run in a warm process; each time is the median of several. Every
image is held to `integrate_reference`.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE_VOXELS = 256
SPACING_MM = 0.8
DETECTOR_MM = 290.0
SID_MM, SOD_MM = 1000.0, 700.0
POSES = {"AP": (0, 0), "lateral": (90, 0), "oblique": (25, 0), "cranial": (0, 25)}
ROUNDS = 7
PEER_ROUNDS = 3
PLASTIMATCH_IMAGES = 4

Image = NDArray[np.float32]


def make_bones(*, with_flesh: bool) -> NDArray[np.float32]:
    """Return a spine of five simple vertebrae with pelvis, in g/cm³ of bone or of everything.

    Walls are 1.2 mm thick, insides rough from voxel to voxel.
    """
    rng = np.random.default_rng(0)
    at = (np.arange(SIDE_VOXELS) - (SIDE_VOXELS - 1) / 2) * SPACING_MM
    z, y, x = at[:, None, None], at[:, None], at
    distance = np.full((SIDE_VOXELS,) * 3, 1e3)

    def add(*faces: NDArray[np.floating[Any]]) -> None:
        shape = faces[0]
        for face in faces[1:]:
            shape = np.maximum(shape, face)
        np.minimum(distance, shape, out=distance)

    for number in range(-2, 3):
        up = z - 36 * number + 0.1 * number * y
        add(np.hypot(x / 1.25, y + 15) - 18 - 1.5 * (up / 13) ** 2, np.abs(up) - 13.5)
        arch = np.hypot(x, y - 12)
        add(arch - 19, 13 - arch, np.abs(up) - 9, 12 - y)
        add(np.abs(x) - 3, np.abs(y - 42) - 14, np.abs(up + 3) - 8)
        for side in (-1, 1):
            add(np.hypot((x - side * 14) / 0.8, up - 4) - 5, np.abs(y - 8) - 9)
            add(np.hypot(y - 14, up - 3) - 4, np.abs(x - side * 32) - 15)
            for width, back, height in ((17, 19, 8), (14, 24, -12)):
                facet = (x - side * width) ** 2 + ((y - back) / 1.2) ** 2 + ((up - height) / 2) ** 2
                add(np.sqrt(facet) - 6)
    add(np.sqrt((np.abs(x) - 60) ** 2 + ((y - 10) / 1.2) ** 2 + ((z + 90) / 1.1) ** 2) - 26)
    solid = np.clip(0.5 - distance / SPACING_MM, 0, 1)
    inside = np.clip(0.5 - (distance + 1.2) / SPACING_MM, 0, 1)
    bone = 0.9 * solid - inside * (0.7 - 0.05 * rng.standard_normal(distance.shape))
    flesh = np.where(np.hypot(x / 1.15, y) < 86, 1.0, 0.0) if with_flesh else 0.0
    return np.asarray(bone + flesh, np.float32)


def lps_from_vox() -> NDArray[np.float64]:
    """Return the transform of the volume: its middle is the origin."""
    transform = np.zeros((4, 4))
    transform[2, 0] = transform[1, 1] = transform[0, 2] = SPACING_MM
    transform[:3, 3] = -(SIDE_VOXELS - 1) / 2 * SPACING_MM
    transform[3, 3] = 1
    return transform


def median_ms(act: Callable[[], object], rounds: int) -> float:
    """Return the median processor time of some calls, after one to warm up."""
    act()
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        act()
        taken.append(time.process_time() - started)
    return 1e3 * statistics.median(taken)


# --------------------------------------------------------------------------- plastimatch


def write_mha(path: Path, values: NDArray[np.float32]) -> None:
    """Write a volume as MetaImage."""
    first = -(SIDE_VOXELS - 1) / 2 * SPACING_MM
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"Offset = {first} {first} {first}\nElementSpacing = {SPACING_MM} {SPACING_MM} "
        f"{SPACING_MM}\nDimSize = {SIDE_VOXELS} {SIDE_VOXELS} {SIDE_VOXELS}\n"
        "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + values.tobytes())


def run_plastimatch(
    folder: Path, volume: Path, side: int, source: NDArray[np.float64], algorithm: str, images: int
) -> float:
    """Let plastimatch make some images; return the processor's seconds it took.

    Its normal and its angle point from the isocentre to the source.
    """
    towards = [str(v) for v in source.round(9)]
    call = [
        "plastimatch", "drr", "-A", "cpu", "-i", algorithm, "-P", "none", "-t", "raw",
        "-r", f"{side} {side}", "-z", f"{DETECTOR_MM} {DETECTOR_MM}", "-o", "0 0 0",
        "--sad", str(SOD_MM), "--sid", str(SID_MM), "-O", str(folder / "peer_"),
    ]  # fmt: skip
    if images == 1:
        call += ["--nrm", " ".join(towards), "--vup", "0 0 1"]
    else:  # several only by angle about z; a hundredth of a degree changes nothing
        angle = float(np.degrees(np.arctan2(source[0], -source[1])))
        call += ["-y", str(angle), "-N", "0.01", "-a", str(images)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    before = os.times()
    subprocess.run([*call, str(volume)], check=True, capture_output=True, env=environment)
    after = os.times()
    return (
        after.children_user
        + after.children_system
        - (before.children_user + before.children_system)
    )


# --------------------------------------------------------------------------- ITK and RTK


def serve_itk(folder: Path) -> None:
    """Run in the other interpreter: make and time every image that `folder` asks for."""
    import itk  # type: ignore[import-not-found]  # in the other environment

    itk.MultiThreaderBase.SetGlobalMaximumNumberOfThreads(1)
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(1)
    values = np.load(folder / "values.npy")
    kind = itk.Image[itk.F, 3]
    volume = itk.image_from_array(values)
    volume.SetSpacing([SPACING_MM] * 3)
    volume.SetOrigin([-(SIDE_VOXELS - 1) / 2 * SPACING_MM] * 3)
    for path in sorted(folder.glob("task_*.npz")):
        task = np.load(path)
        for name, build in (("ITK", build_itk), ("RTK", build_rtk)):
            last = build(itk, kind, volume, task)

            def again(last: Any = last) -> None:  # noqa: ANN401
                last.Modified()
                last.UpdateLargestPossibleRegion()

            taken = median_ms(again, PEER_ROUNDS)
            image = itk.array_from_image(last.GetOutput()).squeeze()
            np.savez(folder / f"{path.stem}_{name}.npz", image=image, milliseconds=taken)


def build_itk(itk: Any, kind: Any, volume: Any, task: Any) -> Any:  # noqa: ANN401
    """Return ITK's filter: RayCastInterpolateImageFunction in ResampleImageFilter."""
    side, axes = int(task["side"]), task["axes"]
    pixel = DETECTOR_MM / side
    caster = itk.RayCastInterpolateImageFunction[kind, itk.D].New()
    identity = itk.TranslationTransform[itk.D, 3].New()
    identity.SetIdentity()
    caster.SetTransform(identity)
    caster.SetThreshold(0.0)
    caster.SetFocalPoint([float(v) for v in task["source"]])
    caster.SetInputImage(volume)
    last = itk.ResampleImageFilter[kind, kind].New()
    last.SetInput(volume)
    last.SetInterpolator(caster)
    last.SetTransform(identity)
    last.SetSize([side, side, 1])
    last.SetOutputSpacing([pixel, pixel, 1.0])
    corner = task["detector"] - (side - 1) / 2 * pixel * (axes[0] + axes[1])
    last.SetOutputOrigin([float(v) for v in corner])
    turned = np.stack((axes[0], axes[1], np.cross(axes[0], axes[1])), axis=1)
    last.SetOutputDirection(itk.matrix_from_array(np.ascontiguousarray(turned)))
    last.SetNumberOfWorkUnits(1)
    return last


def build_rtk(itk: Any, kind: Any, volume: Any, task: Any) -> Any:  # noqa: ANN401
    """Return RTK's filter: JosephForwardProjectionImageFilter."""
    from itk import RTK as rtk

    side, axes = int(task["side"]), task["axes"]
    pixel = DETECTOR_MM / side
    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    vectors = (task["source"], task["detector"], axes[0], axes[1])
    points = [itk.Point[itk.D, 3]([float(v) for v in vector]) for vector in vectors[:2]]
    directions = [itk.Vector[itk.D, 3]([float(v) for v in vector]) for vector in vectors[2:]]
    geometry.AddProjection(*points, *directions)
    empty = itk.image_from_array(np.zeros((1, side, side), np.float32))
    empty.SetSpacing([pixel, pixel, 1.0])
    empty.SetOrigin([-(side - 1) / 2 * pixel, -(side - 1) / 2 * pixel, 0.0])
    last = rtk.JosephForwardProjectionImageFilter[kind, kind].New()
    last.SetInput(0, empty)
    last.SetInput(1, volume)
    last.SetGeometry(geometry)
    last.InPlaceOff()  # it shall run more than once
    last.SetNumberOfWorkUnits(1)
    return last


# --------------------------------------------------------------------------- the table


def difference_percent(image: Image, truth: Image) -> float:
    """Return the RMS difference from the truth, as a share of the truth's mean.

    Units (mm or cm) and how the image lies are forgiven: the best of all counts.
    """
    best = np.inf
    for turned in (image, image[::-1], image[:, ::-1], image[::-1, ::-1]):
        scale = float((turned * truth).sum() / max((turned * turned).sum(), 1e-30))
        best = min(best, float(np.sqrt(np.mean((scale * turned - truth) ** 2))))
    return 100 * best / float(truth.mean())


def compare(values: NDArray[np.float32], sides: list[int], itk_python: str | None) -> None:
    """Print the table for one volume."""
    from guidance.geometry import ConeBeamView
    from guidance.projection import PreparedVolume, integrate, integrate_reference
    from guidance.records import Volume

    volume = Volume(values=values, lps_from_vox=lps_from_vox())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "values.npy", values)
        write_mha(folder / "values.mha", values)
        prepared = PreparedVolume(volume)
        views = {}
        for side in sides:
            for pose, (primary, secondary) in POSES.items():
                view = ConeBeamView(
                    primary_angle_deg=primary,
                    secondary_angle_deg=secondary,
                    isocenter_lps_mm=(0.0, 0.0, 0.0),
                    sid_mm=SID_MM,
                    sod_mm=SOD_MM,
                    rows=side,
                    columns=side,
                    spacing_det_mm=(DETECTOR_MM / side, DETECTOR_MM / side),
                )
                views[f"{side} {pose}"] = view
                source = view.source_lps_mm
                np.savez(
                    folder / f"task_{side}_{pose}.npz",
                    side=side,
                    source=source,
                    detector=source + SID_MM * view.axes[2],
                    axes=view.axes,
                )
        if itk_python:
            call = [itk_python, __file__, "--serve-itk", str(folder)]
            environment = os.environ | {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
            subprocess.run(call, check=True, env=environment)
        print("| image | program | ms | × ours | RMS difference, % of mean |")
        print("|---|---|---|---|---|", flush=True)
        for label, view in views.items():
            truth = integrate_reference(volume, view, 0.25)
            ours = median_ms(partial(integrate, prepared, view), ROUNDS)
            once = median_ms(partial(integrate, volume, view), ROUNDS)
            image = integrate(prepared, view)
            rows = [("ours", ours, image), ("ours, not prepared", once, image)]
            rows += run_peers(folder, label, view)
            for program, taken, image in rows:
                print(
                    f"| {label} | {program} | {taken:.1f} | {taken / ours:.1f} | "
                    f"{difference_percent(image, truth):.3f} |",
                    flush=True,
                )


def run_peers(folder: Path, label: str, view: Any) -> list[tuple[str, float, Image]]:  # noqa: ANN401
    """Return name, milliseconds and image of every program that is there."""
    side, rows = view.rows, []
    source = -view.axes[2]
    # plastimatch makes several images only about z, so tilted views are not timed
    if shutil.which("plastimatch") and abs(source[2]) < 1e-9:
        for algorithm in ("exact", "uniform"):
            args = folder, folder / "values.mha", side, source, algorithm
            gains = [
                run_plastimatch(*args, 1 + PLASTIMATCH_IMAGES) - run_plastimatch(*args, 1)
                for _ in range(PEER_ROUNDS)
            ]
            taken = 1e3 * statistics.median(gains) / PLASTIMATCH_IMAGES
            image = np.fromfile(folder / "peer_0000.raw", np.float32).reshape(side, side)
            rows.append((f"plastimatch {algorithm}", taken, image))
    for name in ("ITK", "RTK"):
        path = folder / f"task_{label.replace(' ', '_')}_{name}.npz"
        if path.exists():
            with np.load(path) as found:
                rows.append((name, float(found["milliseconds"]), found["image"]))
    return rows


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--itk-python", help="interpreter of an environment with itk and itk-rtk")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512], help="of the detector")
    parser.add_argument("--serve-itk", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve_itk:
        serve_itk(wanted.serve_itk)
        return
    named = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    print(f"Python {platform.python_version()}, {named}, {platform.machine()}; one thread each")
    for with_flesh in (False, True):
        values = make_bones(with_flesh=with_flesh)
        share = 100 * float((values != 0).mean())
        print(f"\n{SIDE_VOXELS}³ voxels, {share:.0f} % of them not 0\n")
        compare(values, wanted.sides, wanted.itk_python)


if __name__ == "__main__":
    main()
