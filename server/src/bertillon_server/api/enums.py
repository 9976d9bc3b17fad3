"""Enums of the contract and their counterparts below the API layer, converted by name.

The vocabularies of `coding.vocabulary` have the contract's names without its prefix; a name that the
contract lacks fails when this module is imported, not in a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from bertillon.coding.v1 import audit_pb2 as audit_pb
from bertillon.coding.v1 import catalog_service_pb2 as catalog_pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.audit.values import Kind, Poa, Severity
from bertillon_server.catalog.codes import NoteKind
from bertillon_server.catalog.flags import ComplicationLevel, Edit, FlagKind, SexEdit
from bertillon_server.coding import vocabulary as words

Member = TypeVar("Member", bound=Enum)


def prefix_of(contract: Any) -> str:  # noqa: ANN401 - generated enum wrappers share no public type
    """Return the prefix of an enum's values, for example `SECTION_KIND_`."""
    return str(contract.Name(0)).removesuffix("UNSPECIFIED")


def to_contract(contract: Any, vocabulary: type[Member]) -> Mapping[Member, Any]:  # noqa: ANN401
    """Return the contract's value of each member of a vocabulary."""
    prefix = prefix_of(contract)
    return {member: contract.Value(prefix + member.name) for member in vocabulary}


def from_contract(contract: Any, vocabulary: type[Member]) -> Mapping[int, Member]:  # noqa: ANN401
    """Return the member of a vocabulary of each value of the contract that has one."""
    return {int(value): member for member, value in to_contract(contract, vocabulary).items()}


SETTING: Final = from_contract(types.Setting, words.Setting)
SEX: Final = from_contract(types.Sex, words.Sex)
PROFILE: Final = from_contract(types.CodingProfile, words.CodingProfile)
SECTION_KIND: Final = from_contract(types.SectionKind, words.SectionKind)
POA: Final = from_contract(audit_pb.PoaIndicator, Poa)

SECTION_KIND_VALUE: Final = to_contract(types.SectionKind, words.SectionKind)
ASSERTION_VALUE: Final = to_contract(types.Assertion, words.Assertion)
MENTION_TYPE_VALUE: Final = to_contract(types.MentionType, words.MentionType)
AXIS_KIND_VALUE: Final = to_contract(types.AxisKind, words.AxisKind)
SUPPRESSION_VALUE: Final = to_contract(types.SuppressionReason, words.SuppressionReason)
NOTE_KIND_VALUE: Final = to_contract(catalog_pb.NoteKind, NoteKind)
COMPLICATION_VALUE: Final = to_contract(catalog_pb.ComplicationLevel, ComplicationLevel)
EDIT_VALUE: Final = to_contract(catalog_pb.CodeEdit, Edit)
FLAG_LIST_VALUE: Final = to_contract(catalog_pb.FlagList, FlagKind)
SEX_EDIT_VALUE: Final = to_contract(types.Sex, SexEdit)
FINDING_KIND_VALUE: Final = to_contract(audit_pb.FindingKind, Kind)
SEVERITY_VALUE: Final = to_contract(audit_pb.FindingSeverity, Severity)
POA_VALUE: Final = to_contract(audit_pb.PoaIndicator, Poa)
NOTICE_VALUE: Final[Mapping[str, Any]] = {
    name.removeprefix("NOTICE_KIND_"): value for name, value in types.NoticeKind.items()
}
