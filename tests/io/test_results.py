"""Results as files: refusal of what is no result."""

import pytest

from guidance.errors import InputError
from guidance.io import decode_analysis


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema": "guidance.plan/1"}', b"\xff\xfe"])
def test_what_is_no_analysis_is_refused(data):
    with pytest.raises(InputError, match="analyse again"):
        decode_analysis(data)
