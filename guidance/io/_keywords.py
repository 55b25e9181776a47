"""The attributes that are read, and how messages name them: keyword and tag, never a value."""

from pydicom.datadict import tag_for_keyword

# These and no others: what is not read cannot leak.
READ_KEYWORDS = (
    "ActualFrameDuration",
    "BitsAllocated",
    "BitsStored",
    "BurnedInAnnotation",
    "CenterOfCircularCollimator",
    "CenterOfCircularShutter",
    "CineRate",
    "CollimatorLeftVerticalEdge",
    "CollimatorLowerHorizontalEdge",
    "CollimatorRightVerticalEdge",
    "CollimatorShape",
    "CollimatorUpperHorizontalEdge",
    "Columns",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "EstimatedRadiographicMagnificationFactor",
    "ExtendedOffsetTable",
    "FrameIncrementPointer",
    "FrameTime",
    "FrameTimeVector",
    "HighBit",
    "ImageType",
    "ImagerPixelSpacing",
    "LossyImageCompression",
    "MaskSubtractionSequence",
    "Modality",
    "ModalityLUTSequence",
    "NominalScannedPixelSpacing",
    "NumberOfFrames",
    "PatientOrientation",
    "PatientPosition",
    "PhotometricInterpretation",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "PixelRepresentation",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "PositionerMotion",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "RadiusOfCircularCollimator",
    "RadiusOfCircularShutter",
    "RecommendedDisplayFrameRate",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "ShutterLeftVerticalEdge",
    "ShutterLowerHorizontalEdge",
    "ShutterRightVerticalEdge",
    "ShutterShape",
    "ShutterUpperHorizontalEdge",
    "VerticesOfThePolygonalCollimator",
    "VerticesOfThePolygonalShutter",
    "WindowCenter",
    "WindowWidth",
)


def label(keyword: str) -> str:
    """Return an attribute's name for a message, as ``"FrameTime (0018,1063)"``.

    Examples
    --------
    >>> label("FrameTime")
    'FrameTime (0018,1063)'
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
