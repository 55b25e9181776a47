"""Exceptions and warnings of the library.

A message says what was wrong, what was found against what was expected, and the next step, in
that order. Errors that fit a built-in exception derive from it too, so that callers need not know
ours.
"""


class GuidanceError(Exception):
    """Anything that this library raises on purpose."""


class InputError(GuidanceError, ValueError):
    """An array or a setting is not what the function asks for."""


class DicomError(GuidanceError):
    """A DICOM file cannot be used."""


class NotDicomError(DicomError):
    """The file is not DICOM at all."""


class MissingAttributeError(DicomError, LookupError):
    """An attribute that nothing can replace is absent, empty or impossible."""


class UnsupportedImageError(DicomError):
    """A valid image of a kind that is not read: transfer syntax, photometry or SOP class."""


class NotAProjectionError(UnsupportedImageError):
    """Valid DICOM that is no projection image: a CT slice, a report, a directory."""


class DamagedFileError(DicomError):
    """The file breaks its own promises: it is cut short, or its parts contradict each other."""


class CalibrationError(GuidanceError):
    """Geometry was asked for that is absent or contradictory."""


class StorageError(GuidanceError, OSError):
    """A result could not be written, or a source could not be read from disk."""


class OptionalDependencyError(GuidanceError, ImportError):
    """A feature needs an extra that is not installed."""


class GuidanceWarning(UserWarning):
    """Something a programmer should change."""
