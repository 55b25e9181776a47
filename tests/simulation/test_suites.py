"""The lists of runs that judge: as frozen, as the plans draw them, and what they are made of."""

import gzip
import hashlib
import runpy
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest

from guidance.errors import InputError
from guidance.simulation import (
    PLANS,
    Suite,
    decode_suite,
    draw_suite,
    encode_suite,
    frozen_suites,
    pack_suite,
    read_suite,
)

ROOT = Path(__file__).resolve().parents[2]
SUITES = files("guidance.simulation") / "suites"
VESSEL = ("vascular", "mixed")


@cache
def suite(name: str) -> Suite:
    return read_suite(name)


@pytest.fixture
def tampered(tmp_path, monkeypatch):
    """Return a package with one list, to be damaged."""
    (tmp_path / "suites").mkdir()
    for name in ("validation.json.gz", "SHA256SUMS"):
        (tmp_path / "suites" / name).write_bytes((SUITES / name).read_bytes())
    monkeypatch.setattr("guidance.simulation._suites.files", lambda package: tmp_path)
    return tmp_path / "suites"


def test_what_judges_is_frozen():
    assert {"evaluation", "validation"} <= set(frozen_suites())


def test_frozen_lists_have_the_hashes_that_were_recorded():
    lines = (SUITES / "SHA256SUMS").read_text().splitlines()
    recorded = {name.removesuffix(".json"): digest for digest, name in map(str.split, lines)}
    assert sorted(recorded) == frozen_suites()
    for name, digest in recorded.items():
        data = gzip.decompress((SUITES / f"{name}.json.gz").read_bytes())
        assert hashlib.sha256(data).hexdigest() == digest, name


@pytest.mark.parametrize("name", frozen_suites())
def test_a_plan_draws_the_list_that_was_frozen(name):
    # A later change of what is drawn belongs in a suite with a new name.
    data = gzip.decompress((SUITES / f"{name}.json.gz").read_bytes())
    assert encode_suite(draw_suite(PLANS[name])) == data


def test_what_the_evaluation_is_made_of():
    runs = suite("evaluation").runs
    patterns = Counter(run.contrast.pattern for run in runs)
    vessel = [run for run in runs if run.contrast.pattern in VESSEL]
    small = [run for run in vessel if run.contrast.vessel.dose_fraction <= 0.2]
    negatives = [run for run in runs if run.contrast.pattern not in VESSEL]
    assert len(runs) >= 600
    assert len(vessel) >= 200
    assert len(small) >= 100
    assert patterns["epidural"] + patterns["intramuscular"] >= 150
    assert sum(run.duration_s for run in negatives) >= 3600
    assert 0.3 <= patterns["mixed"] / len(vessel) <= 0.7
    assert min(run.contrast.vessel.dose_fraction for run in vessel) >= 0.02
    assert set(patterns) == {
        *VESSEL,
        "none",
        "perineural",
        "intramuscular",
        "intra_articular",
        "epidural",
    }


@pytest.mark.parametrize("name", ["evaluation", "validation"])
def test_every_patient_has_runs_of_both_kinds(name):
    # The bootstrap is over patients: one with vascular runs alone would carry their anatomy.
    found = suite(name)
    for patient in found.patients:
        kinds = {run.contrast.pattern in VESSEL for run in found.runs if run.anatomy == patient}
        assert kinds == {True, False}, patient


def test_suites_share_nothing():
    for one, other in combinations([suite("evaluation"), suite("validation"), suite("train")], 2):
        assert one.seed != other.seed
        assert not {run.seed for run in one.runs} & {run.seed for run in other.runs}
        assert not set(one.patients) & set(other.patients)
        assert not set(map(repr, one.patients.values())) & set(map(repr, other.patients.values()))


@pytest.mark.parametrize("name", ["evaluation", "validation", "train"])
def test_runs_within_a_suite_differ(name):
    runs = suite(name).runs
    assert len({run.seed for run in runs}) == len(runs)
    assert len(set(map(repr, suite(name).patients.values()))) == PLANS[name].patients
    assert all(run.suite == name for run in runs)


def test_another_seed_draws_another_suite():
    plan = replace(PLANS["validation"], parts=PLANS["validation"].parts[:2], patients=2)
    one, other = draw_suite(plan), draw_suite(replace(plan, seed=plan.seed + 1))
    assert draw_suite(plan) == one
    assert one != other
    assert Counter(r.contrast.pattern for r in one.runs) == Counter(
        r.contrast.pattern for r in other.runs
    )


def test_a_list_reads_back_as_it_was():
    found = suite("validation")
    data = encode_suite(found)
    assert decode_suite(data) == found
    assert encode_suite(decode_suite(data)) == data
    assert gzip.decompress(pack_suite(found)) == data
    assert pack_suite(found) == pack_suite(found)


def test_an_unknown_suite_is_refused_with_those_known():
    with pytest.raises(InputError, match=r"no suite.*evaluation, train, validation"):
        read_suite("evaluat")
    with pytest.raises(InputError, match="no suite"):
        read_suite("../suites/validation")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema":"guidance.suite/1"}', b"\xff\xfe"])
def test_what_is_no_list_is_refused(data):
    with pytest.raises(InputError, match="take it anew"):
        decode_suite(data)


def test_a_list_of_another_version_is_refused():
    data = encode_suite(suite("validation")).replace(b"guidance.suite/1", b"guidance.suite/7")
    with pytest.raises(InputError, match=r"guidance\.suite/7"):
        decode_suite(data)


def test_a_list_with_runs_out_of_order_is_refused():
    found = suite("validation")
    with pytest.raises(InputError, match="damaged"):
        replace(found, runs=found.runs[::-1])
    with pytest.raises(InputError, match="patient"):
        replace(found, patients={})


def test_a_list_that_was_changed_is_refused(tampered):
    path = tampered / "validation.json.gz"
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data.replace(b'"pulse_rate_hz":', b'"pulse_rate_hz": ', 1)))
    with pytest.raises(InputError, match=r"not the one that was frozen.*take.*anew"):
        read_suite("validation")


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_a_list_that_was_cut_off_is_refused(tampered, keep):
    path = tampered / "validation.json.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="anew"):
        read_suite("validation")


def test_a_list_without_its_hash_is_refused(tampered):
    (tampered / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="anew"):
        read_suite("validation")


def test_a_list_with_the_hash_of_another_is_refused(tampered):
    (tampered / "evaluation.json.gz").write_bytes((tampered / "validation.json.gz").read_bytes())
    with pytest.raises(InputError, match="not the one that was frozen"):
        read_suite("evaluation")


def test_a_frozen_list_is_never_replaced(tmp_path):
    freeze = runpy.run_path(str(ROOT / "tools" / "freeze_suite.py"))["freeze"]
    (tmp_path / "validation.json.gz").write_bytes(b"frozen")
    with pytest.raises(FileExistsError, match="new name"):
        freeze("validation", tmp_path)
    assert (tmp_path / "validation.json.gz").read_bytes() == b"frozen"
    assert not (tmp_path / "SHA256SUMS").exists()


def test_what_is_frozen_is_what_was_drawn(tmp_path):
    freeze = runpy.run_path(str(ROOT / "tools" / "freeze_suite.py"))["freeze"]
    digest = freeze("validation", tmp_path)
    data = gzip.decompress((tmp_path / "validation.json.gz").read_bytes())
    assert data == encode_suite(suite("validation"))
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  validation.json\n"
    assert hashlib.sha256(data).hexdigest() == digest
