"""Lenient, typed access to the values of a header.

Consoles write numbers as text, text as numbers, and rubbish as either. Values are taken from the
raw bytes here, so that a wrong value representation costs that one value and never the file, and so
that pydicom neither raises nor warns about a value nobody asked for. What cannot be a number
becomes NaN: the caller, who knows what the attribute is for, says what that costs.
"""

import math
import re
import struct
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence

from guidance.errors import MissingAttributeError
from guidance.io._keywords import label
from guidance.io._quiet import quiet_pydicom

BINARY_FORMATS = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "OV": "Q",
    "FL": "f",
    "FD": "d",
}
TEXT = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI"}
    | {"UR", "UT"}
)
# PS3.5 6.2: a code string holds capitals, digits, space and underscore. Hyphen, dot and solidus are
# seen in the wild. Anything else is not a code, may be somebody's name, and is not passed on.
CODE = re.compile(r"[A-Z0-9_ ./-]{1,16}")


class Attributes:
    """The attributes of a dataset or of a sequence item.

    Parameters
    ----------
    dataset : pydicom.Dataset
        As read; no value need have been converted.
    """

    __slots__ = ("_dataset",)

    def __init__(self, dataset: pydicom.Dataset) -> None:
        self._dataset = dataset

    def raw(self, keyword: str) -> bytes:
        """Return an attribute's bytes as stored; empty where it is absent."""
        element = self._element(keyword)
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            return element.value
        return b""

    def is_little_endian(self, keyword: str) -> bool:
        """Return whether an attribute's binary values begin with the low byte."""
        element = self._element(keyword)
        return not isinstance(element, RawDataElement) or bool(element.is_little_endian)

    def tokens(self, keyword: str) -> tuple[str, ...]:
        """Return an attribute's values as text; empty where it is absent or empty."""
        element = self._element(keyword)
        if element is None:
            return ()
        if not isinstance(element, RawDataElement):
            return _converted_tokens(element.value)
        if not isinstance(element.value, bytes) or not element.value:
            return ()
        return _raw_tokens(element, _representation(element, keyword))

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return an attribute's values as numbers; NaN for each that is not one."""
        return tuple(_number(token) for token in self.tokens(keyword))

    def number(self, keyword: str) -> float | None:
        """Return the first number; None where there is none, NaN where it is not one."""
        return next(iter(self.numbers(keyword)), None)

    def codes(self, keyword: str) -> tuple[str, ...]:
        """Return code strings in their places; what is not a code is replaced by nothing."""
        return tuple(token if CODE.fullmatch(token) else "" for token in self.tokens(keyword))

    def code(self, keyword: str) -> str:
        """Return the first code string; empty where there is none."""
        return next(iter(self.codes(keyword)), "")

    def uid(self, keyword: str) -> str:
        """Return a unique identifier; empty where it is absent or cannot be printed."""
        token = next(iter(self.tokens(keyword)), "")
        return token if token.isprintable() else ""

    def items(self, keyword: str) -> "tuple[Attributes, ...]":
        """Return the items of a sequence; empty where it is absent or cannot be read."""
        element = self._element(keyword)
        if element is None or _representation(element, keyword) != "SQ":
            return ()
        try:
            with quiet_pydicom():
                value = self._dataset[keyword].value
        except Exception:  # pydicom raises many types for a damaged sequence; none names the cost
            return ()
        return tuple(Attributes(item) for item in value) if isinstance(value, Sequence) else ()

    def required_integer(self, keyword: str, low: int, high: int) -> int:
        """Return a whole number that nothing can replace.

        Raises
        ------
        MissingAttributeError
            It is absent, not a whole number, or not between `low` and `high`.
        """
        value = self.number(keyword)
        expected = f"expected {low} to {high}; export the run again from its source"
        if value is None:
            raise MissingAttributeError(f"{label(keyword)} is missing; found none, {expected}")
        if not math.isfinite(value) or value != int(value) or not low <= value <= high:
            found = "no number" if math.isnan(value) else f"{value:g}"
            raise MissingAttributeError(f"{label(keyword)} is wrong; found {found}, {expected}")
        return int(value)

    def _element(self, keyword: str) -> Any:  # noqa: ANN401 - pydicom's own two element types
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        return self._dataset.get_item(tag, keep_deferred=True)


def _representation(element: Any, keyword: str) -> str:  # noqa: ANN401 - as `_element`
    """Return how to read a value: as the file says if that is usable, else as PS3.6 does."""
    stated = element.VR
    if stated in BINARY_FORMATS or stated in TEXT or stated in ("AT", "SQ"):
        return str(stated)
    return dictionary_VR(keyword)[:2]


def _raw_tokens(element: RawDataElement, representation: str) -> tuple[str, ...]:
    """Split the bytes of an element into its values."""
    value = element.value or b""
    order = "<" if element.is_little_endian else ">"
    if representation == "AT":
        whole = len(value) // 4 * 4
        pairs = struct.iter_unpack(f"{order}HH", value[:whole])
        return tuple(str(group << 16 | number) for group, number in pairs)
    if representation in BINARY_FORMATS:
        layout = order + BINARY_FORMATS[representation]
        whole = len(value) // struct.calcsize(layout) * struct.calcsize(layout)
        if not whole:
            return ("",)  # too short for a single value: present, and not a number
        return tuple(repr(number) for (number,) in struct.iter_unpack(layout, value[:whole]))
    text = value.decode("latin-1").strip("\0 \t\r\n")
    return tuple(part.strip("\0 \t\r\n") for part in text.split("\\")) if text else ()


def _converted_tokens(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - any converted value
    """Return the values of an element that pydicom has already converted."""
    if value is None or isinstance(value, Sequence):
        return ()
    if isinstance(value, str | bytes | int | float):
        value = [value]
    return tuple(str(part).strip("\0 ") for part in value)


def _number(token: str) -> float:
    """Return the number that a token stands for, NaN for none."""
    try:
        # Python reads "1_0" as ten; DICOM does not.
        return math.nan if "_" in token else float(token)
    except ValueError:
        return math.nan
