"""Machine code for loops that numpy has no words for, kept on disk between runs where it can be."""

import logging
from collections.abc import Callable
from typing import Any, cast

from numba import njit

logger = logging.getLogger(__name__)


class Compiled:
    """A plain function of arrays, compiled at its first call.

    Neither the installed package nor the user's home need be writable: where the compiled form
    cannot be kept, it is made anew in each process.

    Parameters
    ----------
    plain : callable
        The function as Python; it stays there as `plain`, which tests hold the compiled form to.
    is_exact : bool
        Whether every operation is rounded as numpy rounds it. Sums are then slower.
    """

    def __init__(self, plain: Callable[..., Any], *, is_exact: bool = False) -> None:
        self.plain = plain
        self._is_exact = is_exact
        self._kernel: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        """Call the compiled function."""
        if self._kernel is None:
            self._kernel = self._compile(is_kept=True)
        try:
            return self._kernel(*arguments)
        except OSError as error:  # the compiled form cannot be kept: the disk is full
            logger.debug("compiled code is not kept: %s", error.strerror)
            self._kernel = self._compile(is_kept=False)
            return self._kernel(*arguments)

    def _compile(self, *, is_kept: bool) -> Callable[..., Any]:
        # Sums may be taken in another order; NaN stays NaN.
        loose = set() if self._is_exact else {"contract", "reassoc", "nsz"}
        options: dict[str, Any] = {"nogil": True, "fastmath": loose}
        # A division by 0 gives what numpy gives; to look out for it takes several times as long.
        options["error_model"] = "numpy"
        try:
            kernel = njit(cache=is_kept, **options)(self.plain)
        except RuntimeError:  # numba finds no folder to keep it in
            kernel = njit(cache=False, **options)(self.plain)
        return cast("Callable[..., Any]", kernel)
