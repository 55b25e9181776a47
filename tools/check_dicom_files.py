"""Keep patients out of the repository: ``check_dicom_files.py FILE...`` names each fault.

Refused is a DICOM file, known by its content or its name, that lies outside ``sample_dicoms``; and
one inside it that names a person, a place or a date, holds private elements, admits to burnt-in
letters, or does not say that it is simulated. Exit status 1 where anything is refused.

What must be blank follows the Basic Application Level Confidentiality Profile, DICOM PS3.15 table
E.1-1, for what a simulated projection run can hold at all.
"""

import sys
from collections.abc import Iterator
from pathlib import Path, PurePath

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from guidance.io import looks_like_dicom

SAMPLES = "sample_dicoms"
DICOM_NAMES = (".dcm", ".dicom", ".dic", ".ima")

# Every person's name, date and time of day is refused whatever the attribute.
BLANK_REPRESENTATIONS = frozenset({"PN", "DA", "DT", "TM", "AS"})
BLANK_KEYWORDS = frozenset(
    {
        "AccessionNumber",
        "AdditionalPatientHistory",
        "AdmissionID",
        "Allergies",
        "BranchOfService",
        "ClinicalTrialSiteID",
        "ClinicalTrialSubjectID",
        "CountryOfResidence",
        "DetectorID",
        "DeviceSerialNumber",
        "EthnicGroup",
        "FillerOrderNumberImagingServiceRequest",
        "GantryID",
        "GeneratorID",
        "InstitutionAddress",
        "InstitutionCodeSequence",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "IssuerOfPatientID",
        "MedicalAlerts",
        "MedicalRecordLocator",
        "MilitaryRank",
        "Occupation",
        "OtherPatientIDs",
        "OtherPatientIDsSequence",
        "PatientAddress",
        "PatientComments",
        "PatientID",
        "PatientInsurancePlanCodeSequence",
        "PatientReligiousPreference",
        "PatientSex",
        "PatientSize",
        "PatientState",
        "PatientTelephoneNumbers",
        "PatientWeight",
        "PerformedProcedureStepID",
        "PerformingPhysicianIdentificationSequence",
        "PhysiciansOfRecordIdentificationSequence",
        "PlacerOrderNumberImagingServiceRequest",
        "ReasonForStudy",
        "ReferringPhysicianAddress",
        "ReferringPhysicianIdentificationSequence",
        "ReferringPhysicianTelephoneNumbers",
        "RegionOfResidence",
        "RequestAttributesSequence",
        "RequestedProcedureID",
        "RequestingService",
        "ResponsibleOrganization",
        "ScheduledProcedureStepID",
        "SmokingStatus",
        "SourceSerialNumber",
        "StationName",
        "StudyComments",
        "StudyID",
    }
)
# Where a sample may say that it is simulated.
STATEMENTS = ("ImageComments", "SeriesDescription", "StudyDescription", "DerivationDescription")


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by its content, or says so by its name."""
    has_its_name = path.suffix.lower() in DICOM_NAMES or path.name == "DICOMDIR"
    return has_its_name or looks_like_dicom(path)


def find_identifying(dataset: Dataset) -> Iterator[str]:
    """Yield the elements, at any depth, that could identify someone."""
    for element in dataset.iterall():
        if element.is_empty:
            continue
        name = f"{element.keyword or element.name} {element.tag}"
        if element.tag.is_private:
            yield f"private element {element.tag} could hold anything; leave it out"
        elif element.VR in BLANK_REPRESENTATIONS or element.keyword in BLANK_KEYWORDS:
            yield f"{name} is not blank; a sample identifies nobody and no day"


def find_faults_of_sample(path: Path) -> Iterator[str]:
    """Yield what is wrong with a DICOM file that lies among the samples."""
    try:
        dataset = dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError, ValueError, EOFError, AttributeError) as error:
        yield f"cannot be read as DICOM ({error}); a sample must be"
        return
    yield from find_identifying(dataset)
    if dataset.get("BurnedInAnnotation", "NO") != "NO":
        yield "BurnedInAnnotation (0028,0301) is not NO; letters in the image may name someone"
    said = " ".join(str(dataset.get(keyword, "")) for keyword in STATEMENTS)
    if "simulated" not in said.lower():
        yield f"does not say that it is simulated in any of {', '.join(STATEMENTS)}"


def find_faults(path: Path, name: PurePath) -> list[str]:
    """Return what is wrong with one file, one line each.

    Parameters
    ----------
    path : Path
        The file.
    name : PurePath
        Its path from the top of the repository.
    """
    if not path.is_file() or not is_dicom(path):
        return []
    if name.parts[0] != SAMPLES:
        return [f"{name}: DICOM outside {SAMPLES}; real images never enter the repository"]
    return [f"{name}: {fault}" for fault in find_faults_of_sample(path)]


def main(names: list[str]) -> int:
    """Check the named files, given from the top of the repository, and return the exit status."""
    faults = [fault for name in names for fault in find_faults(Path(name), PurePath(name))]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
