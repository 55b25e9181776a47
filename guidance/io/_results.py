"""Results to JSON and back, and the JSON Schema that describes them."""

import json

import msgspec

from guidance.errors import InputError
from guidance.records import Analysis


def encode_analysis(analysis: Analysis) -> bytes:
    """Return `analysis.json`: UTF-8, indented, the same bytes for the same result."""
    return msgspec.json.format(msgspec.json.encode(analysis), indent=1) + b"\n"


def decode_analysis(data: bytes) -> Analysis:
    """Return the analysis that a file holds.

    Parameters
    ----------
    data : bytes
        Content of an `analysis.json`.

    Raises
    ------
    InputError
        It is not JSON, or not an analysis of this schema.
    """
    try:
        analysis = msgspec.json.decode(data, type=Analysis)
    except msgspec.MsgspecError as error:
        raise InputError(f"not an analysis.json of this version: {error}; analyse again") from error
    return analysis


def make_analysis_schema() -> bytes:
    """Return the JSON Schema of `analysis.json`, generated from the records."""
    schema = msgspec.json.schema(Analysis)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "guidance.analysis/1"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
