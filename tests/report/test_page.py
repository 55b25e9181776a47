"""The report page: whole, alone, harmless, honest about what is missing, and always the same."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.records import Remark, Verdict
from guidance.report import render_report
from guidance.report._page import LONGEST_LIST

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}\x1b]0;\u202e&amp;"


def render(run):
    return render_report(run.analysis, run.cine, run.outlines)


PLANS = {
    "flagged": {"flag": 20, "verdict": "intravascular", "probability": 0.93},
    "outside": {"verdict": "extravascular"},
    "none": {"onset": None, "verdict": "none"},
    "unclear": {"verdict": "indeterminate"},
    "bare": {"verdict": "indeterminate", "frame_s": None, "spacing_mm": None},
    "single": {"n_frames": 1, "onset": None, "verdict": "indeterminate"},
    "single, flagged": {"n_frames": 1, "onset": 0, "flag": 0, "verdict": "intravascular"},
    "two frames": {"n_frames": 2, "onset": 1, "verdict": "indeterminate"},
    "contrast from the start": {"onset": 0, "verdict": "indeterminate"},
    "negative": {"sign": -1, "window": (2000.0, 3000.0)},
    "unjudged": {"unjudged": (15, 16, 30)},
    "tiny": {"size": 9},
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_page_is_whole_and_needs_nothing_from_elsewhere(make, parse, plan):
    run = make(**plan)
    html = render(run)
    page = parse(html)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "base"}
    for address in page.attributes("src", "href", "xlink:href", "action", "srcset", "poster"):
        assert address.startswith(("data:image/png;base64,", "#"))
    assert "://" not in html
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_same_input_gives_the_same_bytes(make, plan):
    assert render(make(**plan)) == render(make(**plan))


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("none", "No contrast seen"),
        ("extravascular", "Not flagged: contrast outside vessels"),
        ("intravascular", "Flagged: suspected intravascular"),
        ("indeterminate", "Cannot tell"),
    ],
)
def test_verdict_stands_in_the_title_and_the_banner(make, parse, verdict, words):
    page = parse(render(make(verdict=verdict)))
    assert page.text.count(words) == 2
    assert "Research use only – flags, does not diagnose" in page.text


def test_all_verdicts_of_the_contract_are_covered():
    assert {plan.get("verdict", "extravascular") for plan in PLANS.values()} == set(Verdict)


def test_the_page_tells_its_story_in_order(make, parse):
    text = parse(render(make(flag=20, verdict="intravascular"))).text
    headings = (
        "Flagged: suspected intravascular",
        "What was found, and on what grounds",
        "What stood in the way",
        "The run",
        "The frame with the most contrast",
        "Over time",
        "Injections",
        "What the header lacked, and what that costs",
        "The source",
        "Settings and version",
    )
    places = [text.rindex(heading) for heading in headings]
    assert places == sorted(places)


def test_grounds_warnings_and_remarks_are_all_told(make, parse):
    remark = Remark(
        attribute="FrameTime (0018,1063)", finding="is 0", cost="no times", remedy="give them"
    )
    run = make(grounds=("It grew a line.",), warnings=("The table moved.",), remarks=(remark,))
    text = parse(render(run)).text
    for part in ("It grew a line.", "The table moved.", *map(str, vars_of(remark))):
        assert part in text


def vars_of(remark):
    return (remark.attribute, remark.finding, remark.cost, remark.remedy)


def test_hostile_text_is_shown_not_obeyed(make, parse):
    remark = Remark(attribute=HOSTILE, finding=HOSTILE, cost=HOSTILE, remedy=HOSTILE)
    run = make(remarks=(remark,), warnings=(HOSTILE,), grounds=(HOSTILE,))
    source = replace(
        run.analysis.source,
        modality=HOSTILE,
        frame_times_from=HOSTILE,
        pixel_intensity_relationship=HOSTILE,
        sha256=HOSTILE,
        pose=replace(
            run.analysis.source.pose,
            patient_position=HOSTILE,
            patient_orientation=(HOSTILE, HOSTILE),
        ),
    )
    injection = replace(
        run.analysis.contrast.injections[0], pattern=HOSTILE, target=HOSTILE, vessel=HOSTILE
    )
    analysis = replace(
        run.analysis,
        source=source,
        guidance_version=HOSTILE,
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        contrast=replace(run.analysis.contrast, injections=[injection], pattern=HOSTILE),
    )
    html = render(replace(run, analysis=analysis))
    page = parse(html)
    assert "script" not in {tag for tag, _ in page.elements}
    assert all(attrs.get("src", "data:").startswith("data:") for _, attrs in page.elements)
    assert "{{ 7*7 }}" in page.text
    assert not {"\x1b", "\u202e"} & set(html)
    html.encode("utf-8")


def test_nothing_that_could_name_a_patient_is_shown(make):
    run = make()
    html = render(run)
    assert "DOE" not in html
    assert run.analysis.source.sop_instance_uid not in html


def test_many_and_long_texts_do_not_swell_the_page(make):
    remark = Remark(attribute="x" * 100_000, finding="y", cost="z")
    run = make(remarks=(remark,) * 5000, warnings=("w" * 100_000,) * 5000)
    html = render(run)
    assert len(html) < 1_500_000
    assert f"And {5000 - LONGEST_LIST} more remarks" in html


def test_what_is_unknown_is_said_and_why(make, parse):
    reason = "No probability is given: the rules are not calibrated."
    run = make(frame_s=None, spacing_mm=None, verdict="indeterminate", warnings=(reason,))
    text = parse(render(run)).text
    assert re.search(r"Probability of uptake\s*not given\s*" + re.escape(reason), text)
    assert re.search(r"Smallest uptake it would show\s*not given\s*the analysis does not say", text)
    assert "times unknown: FrameTime (0018,1063) is missing" in text
    assert "not given: sizes are in pixels" in text
    assert "Frame (no times known)" in text
    assert "Area (px²)" in text
    assert "mm²" not in text
    assert "Not given: probability of uptake, vessel, needle tip" in text


def test_with_a_scale_the_curves_are_in_millimetres(make, parse):
    text = parse(render(make())).text
    for label in ("Area (mm²)", "Iodine signal (mm²)", "Reach (mm)", "Time from the first frame"):
        assert label in text


def test_without_calibrated_values_the_signal_is_relative(make, parse):
    run = make(spacing_mm=None)
    frames = [replace(record, iodine_signal_px=None) for record in run.analysis.contrast.frames]
    contrast = replace(run.analysis.contrast, frames=frames)
    text = parse(render(replace(run, analysis=replace(run.analysis, contrast=contrast)))).text
    assert "Relative signal (px²)" in text
    assert "Iodine" not in text


def test_onset_and_flag_are_named_on_the_curves(make, parse):
    text = parse(render(make(onset=12, flag=20, verdict="intravascular"))).text
    assert "onset, frame 12" in text
    assert "flag, frame 20" in text


def test_a_probability_is_drawn_where_there_is_one(make, parse):
    with_it = parse(render(make(probability=0.4))).text
    assert re.search(r"Probability of uptake\s*40 %", with_it)
    assert "Probability of uptake: greatest 0.4" in with_it


def test_outlines_lie_where_the_contrast_is(make, parse):
    run = make(n_frames=8, onset=4)
    square = np.array([[10.0, 20.0], [10.0, 40.0], [30.0, 40.0], [30.0, 20.0]])
    outlines = [[square] if frame == 7 else [] for frame in range(8)]
    page = parse(render_report(run.analysis, run.cine, outlines))
    # SVG runs (x, y): column first. The picture's edge lies half a pixel before the first centre.
    assert "M20.0 10.0L40.0 10.0L40.0 30.0L20.0 30.0Z" in page.attributes("d")
    assert "-0.5 -0.5 128 128" in page.attributes("viewbox")


def test_flag_frame_is_marked_with_symbol_and_word(make, parse):
    text = parse(render(make(flag=20, verdict="intravascular"))).text
    assert "⚑ flag" in text


def test_frames_that_could_not_be_judged_are_counted(make, parse):
    text = parse(render(make(unjudged=(15, 16, 30)))).text
    assert "Grey bands: 3 frames that could not be judged in full." in text


def test_two_injections_have_a_column_each(make, parse):
    run = make(n_frames=60, flag=20, verdict="intravascular")
    first = run.analysis.contrast.injections[0]
    second = replace(first, onset_frame=44, flag_frame=None, verdict="extravascular", target="L4")
    contrast = replace(run.analysis.contrast, injections=[first, second])
    page = parse(render(replace(run, analysis=replace(run.analysis, contrast=contrast))))
    assert "Thin lines: onset and flag of the other injections." in page.text
    assert "not raised" in page.text
    assert "Injection 2" in page.text
    assert re.search(r"Verdict\s*suspected intravascular\s*extravascular", page.text)


def test_few_frames_are_read_and_none_twice(make):
    run = make(n_frames=600, size=64, onset=300, flag=320, verdict="intravascular")
    render(run)
    assert len(run.reads) == len(set(run.reads)) <= 18


def test_a_large_noisy_run_stays_under_three_megabytes(make):
    run = make(n_frames=40, size=1024)

    class Noise:
        dtype = np.dtype(np.uint16)

        def read(self, index):
            return np.random.default_rng(index).integers(0, 4096, (1024, 1024), np.uint16)

        def close(self):
            pass

    assert len(render(replace(run, cine=replace(run.cine, reader=Noise())))) < 3_000_000


def test_three_that_do_not_belong_together_are_refused(make):
    run = make()
    with pytest.raises(InputError, match="40 frames, the run 40, the outlines 39"):
        render_report(run.analysis, run.cine, run.outlines[:-1])
    with pytest.raises(InputError, match=r"shape \(3,\), expected \(N, 2\)"):
        render_report(run.analysis, run.cine, [[np.zeros(3)], *run.outlines[1:]])


@pytest.mark.parametrize("frame", [-1, 40])
def test_a_frame_that_the_run_lacks_is_refused(make, frame):
    run = make()
    contrast = replace(run.analysis.contrast, flag_frame=frame)
    with pytest.raises(InputError, match="expected 0 to 39"):
        render(replace(run, analysis=replace(run.analysis, contrast=contrast)))


def test_an_analysis_without_frame_figures_still_has_a_page(make, parse):
    run = make(onset=None, verdict="indeterminate")
    contrast = replace(run.analysis.contrast, frames=[])
    text = parse(render(replace(run, analysis=replace(run.analysis, contrast=contrast)))).text
    assert "The analysis holds no figures for single frames." in text


def test_pixels_that_are_not_square_keep_their_shape(make):
    run = make()
    source = replace(run.analysis.source, spacing_mm=(0.2, 0.4))
    html = render(replace(run, analysis=replace(run.analysis, source=source)))
    assert "--aspect: 2.0" in html
    # The direction of the reach is unknown, so it stays in pixels.
    assert "Reach (px)" in html


def test_importing_the_package_loads_no_drawing_library():
    code = (
        "import sys, guidance.report, guidance.report.style\n"
        "print(sorted({'matplotlib', 'PIL', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rendering_leaves_matplotlib_as_it_was(make):
    import matplotlib as mpl

    # Reading the key "backend" would choose one.
    before = {key: mpl.rcParams[key] for key in mpl.rcParams if "backend" not in key}
    render(make())
    assert {key: mpl.rcParams[key] for key in before} == before


def test_settings_of_the_user_do_not_change_the_curves(make):
    import matplotlib as mpl

    run = make()
    plain = render(run)
    with mpl.rc_context({"lines.linestyle": "--", "axes.grid": False, "font.size": 30}):
        assert render(run) == plain


def test_rendering_needs_no_pyplot():
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('runs', sys.argv[1])\n"
        "runs = sys.modules['runs'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(runs)\n"
        "from guidance.report import render_report\n"
        "run = runs.make_run(runs.RunPlan(size=16))\n"
        "render_report(run.analysis, run.cine, run.outlines)\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    runs = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-c", code, str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
