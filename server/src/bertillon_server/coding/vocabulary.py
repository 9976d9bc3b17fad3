"""The closed vocabularies of coding. Member names equal the contract's enum values without their prefix."""

from __future__ import annotations

from enum import Enum, auto


class _Named(Enum):
    # Members are one of a kind: identity will do, and is many times as fast as the hash of a name.
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


class Setting(_Named):
    """Where the encounter took place (Official Guidelines, sections II to IV)."""

    OUTPATIENT = auto()
    INPATIENT = auto()


class Sex(_Named):
    """Sex of the patient as recorded."""

    FEMALE = auto()
    MALE = auto()


class CodingProfile(_Named):
    """What counts as codeable; see the contract's enum of that name."""

    ENCOUNTER = auto()
    ALL_MENTIONS = auto()


class SectionKind(_Named):
    """Canonical kind of a section; see the contract's enum of that name."""

    UNSPECIFIED = auto()
    CHIEF_COMPLAINT = auto()
    HISTORY_OF_PRESENT_ILLNESS = auto()
    PAST_MEDICAL_HISTORY = auto()
    PAST_SURGICAL_HISTORY = auto()
    FAMILY_HISTORY = auto()
    SOCIAL_HISTORY = auto()
    OBSTETRIC_HISTORY = auto()
    REVIEW_OF_SYSTEMS = auto()
    MEDICATIONS = auto()
    ALLERGIES = auto()
    IMMUNIZATIONS = auto()
    VITAL_SIGNS = auto()
    PHYSICAL_EXAM = auto()
    LABORATORY = auto()
    IMAGING = auto()
    ASSESSMENT = auto()
    PLAN = auto()
    ASSESSMENT_AND_PLAN = auto()
    DIAGNOSES = auto()
    PREOPERATIVE_DIAGNOSIS = auto()
    POSTOPERATIVE_DIAGNOSIS = auto()
    PROCEDURE = auto()
    FINDINGS = auto()
    INDICATION = auto()
    HOSPITAL_COURSE = auto()
    DISPOSITION = auto()
    ADMINISTRATIVE = auto()
    OTHER = auto()


class Assertion(_Named):
    """How the note asserts what a mention names."""

    PRESENT = auto()
    NEGATED = auto()
    POSSIBLE = auto()
    HYPOTHETICAL = auto()
    HISTORICAL = auto()
    FAMILY = auto()
    OTHER_PERSON = auto()


class MentionType(_Named):
    """What a mention is about."""

    PROBLEM = auto()
    SYMPTOM = auto()
    PROCEDURE = auto()
    STATUS = auto()
    EXTERNAL_CAUSE = auto()


class AxisKind(_Named):
    """An axis along which a concept divides into billable codes."""

    LATERALITY = auto()
    ENCOUNTER = auto()
    ACUITY = auto()
    SEVERITY = auto()
    STAGE = auto()
    TYPE = auto()
    TRIMESTER = auto()
    COMPLICATION = auto()
    SITE = auto()
    CAUSE = auto()
    APPROACH = auto()
    DEVICE = auto()
    QUALIFIER = auto()


class SuppressionReason(_Named):
    """Why a mention or a code does not count towards the encounter; see the contract's enum of that name."""

    NEGATED = auto()
    HYPOTHETICAL = auto()
    FAMILY = auto()
    OTHER_PERSON = auto()
    HISTORICAL = auto()
    UNCERTAIN = auto()
    INTEGRAL_SYMPTOM = auto()
    LESS_SPECIFIC = auto()
    EXCLUDES1 = auto()
    NOT_CODEABLE_HERE = auto()
    LOW_CONFIDENCE = auto()
    NO_BILLABLE_CODE = auto()
    COMPONENT = auto()
