"""Keeps what pydicom says about damaged headers to itself.

Its warnings quote values, which may be somebody's name, and a program that turns warnings into
errors would stop over a header that we read in spite of them.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# The warning filters belong to the process: two threads leaving in the wrong order would keep them.
_filters = threading.RLock()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Drop the warnings raised while pydicom parses."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
