"""`truth.json`: written, read back strictly, and its JSON Schema.

A truth judges observers, so a file is refused rather than read halfway: a field that is missing,
unknown or of another type, and a number that is not finite, each with its place.
"""

import json
import math
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from guidance.errors import InputError, StorageError
from guidance.io import write_atomically
from guidance.simulation._truth import SCHEMA, RunTruth, StudyTruth

REMEDY = "correct the file, or make it again with this version"


def encode_truth(truth: StudyTruth) -> bytes:
    """Return `truth.json`: UTF-8, one run a line, the same bytes for the same truth.

    Raises
    ------
    InputError
        A number is not finite; JSON has none such.
    """
    fields = msgspec.to_builtins(truth)
    for place in _not_finite(fields, "$"):
        raise InputError(f"{place} is not a finite number; give a number, or null where allowed")
    runs = fields.pop("runs").items()
    lines = [b'  "%s": %s' % (name.encode(), msgspec.json.encode(run)) for name, run in runs]
    head = msgspec.json.format(msgspec.json.encode(fields), indent=1)
    return head[:-2] + b',\n "runs": {\n' + b",\n".join(lines) + b"\n }\n}\n"


def decode_truth(data: bytes, name: str = "truth.json") -> StudyTruth:
    """Return the truth that a file holds.

    Parameters
    ----------
    data : bytes
        Content of a `truth.json`.
    name : str
        Of the file, for messages; no path.

    Raises
    ------
    InputError
        It is not JSON, not a truth of this schema, or contradicts itself; names file and field.
    """
    try:
        fields = msgspec.json.decode(data)
        schema = fields.get("schema") if isinstance(fields, dict) else None
        if schema != SCHEMA:
            raise InputError(f"schema is {str(schema)[:40]!r}, expected {SCHEMA!r} - at `$.schema`")
        _check_runs(fields.get("runs"))
        truth = msgspec.convert(fields, StudyTruth)
    except (msgspec.MsgspecError, InputError) as error:
        raise InputError(f"{name}: {error}; {REMEDY}") from error
    for place in _not_finite(fields, "$"):
        raise InputError(f"{name}: not a finite number - at `{place}`; {REMEDY}")
    for place in _unknown(fields, msgspec.to_builtins(truth), "$"):
        raise InputError(f"{name}: an unknown field - at `{place}`; {REMEDY}")
    return truth


def write_truth(path: Path, truth: StudyTruth) -> None:
    """Write `truth.json` to `path`, whole or not at all.

    Raises
    ------
    InputError
        A number is not finite.
    StorageError
        The folder is not writable, or the disk is full.
    """
    write_atomically(path, encode_truth(truth))


def read_truth(path: Path) -> StudyTruth:
    """Return the truth that `path` holds.

    Raises
    ------
    StorageError
        The file cannot be read.
    InputError
        It is no truth of this version; names file and field.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path.name} cannot be read: {error.strerror}; give the truth.json of a study or suite"
        ) from error
    return decode_truth(data, path.name)


def make_truth_schema() -> bytes:
    """Return the JSON Schema of `truth.json`, generated from the records."""
    schema = msgspec.json.schema(StudyTruth)
    for record in schema["$defs"].values():
        if "properties" in record:
            record["additionalProperties"] = False
        if "description" in record:
            # As of Python 3.13 docstrings come without their indentation; before, with it.
            record["description"] = cleandoc(record["description"])
    schema["$defs"]["StudyTruth"]["properties"]["schema"] = {"const": SCHEMA}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = SCHEMA
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _check_runs(runs: Any) -> None:  # noqa: ANN401 - any value of JSON
    """Refuse the first run that is none, by name: of a map, msgspec would not say which it is."""
    for name, run in runs.items() if isinstance(runs, dict) else ():
        try:
            msgspec.convert(run, RunTruth)
        except msgspec.ValidationError as error:
            place = str(error) if "`$" in str(error) else f"{error} - at `$`"
            raise InputError(place.replace("`$", f"`$.runs.{name[:40]}")) from error


def _not_finite(value: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - any value of JSON
    """Yield where numbers are that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    for key, part in _parts(value):
        yield from _not_finite(part, place + key)


def _unknown(value: Any, known: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield where fields are that the records do not have; `known` is what was understood."""
    understood = dict(_parts(known))
    for key, part in _parts(value):
        if key in understood:
            yield from _unknown(part, understood[key], place + key)
        else:
            yield place + key


def _parts(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as above
    """Yield the parts of a value of JSON, with their places within it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield f".{key}", part
    elif isinstance(value, list | tuple):
        for at, part in enumerate(value):
            yield f"[{at}]", part
