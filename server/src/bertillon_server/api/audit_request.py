"""Requests of AuditNote in, validated values out. Descriptions state the rule and never the value."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from bertillon.coding.v1 import audit_pb2 as audit_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api import enums, limits
from bertillon_server.api.limits import Limits
from bertillon_server.api.offsets import OffsetMap
from bertillon_server.api.validation import PRIORITY, Findings, valid_patient
from bertillon_server.audit.registry import IDS
from bertillon_server.audit.values import AuditedText, AuditInput, Poa, Proposed
from bertillon_server.coding.vocabulary import Setting
from bertillon_server.inference.call import Priority


@dataclass(frozen=True, slots=True)
class ValidAudit:
    """An encounter that may be audited, and the caller's way of counting offsets in each of its notes."""

    request: AuditInput
    offsets: tuple[OffsetMap, ...]
    priority: Priority


def valid_audit(request: pb.AuditNoteRequest, bounds: Limits, systems: Collection[str]) -> ValidAudit:
    """Validate `AuditNote`; raises `InvalidRequestError`."""
    findings = Findings()
    priority = findings.enum("priority", request.priority, types.Priority, PRIORITY, Priority.STANDARD)
    setting = findings.enum("setting", request.setting, types.Setting, enums.SETTING, Setting.OUTPATIENT)
    date = findings.date("date_of_service", request.date_of_service)
    age, sex = valid_patient(findings, "patient", request.patient)
    options = request.options
    _check_notes(findings, request, bounds)
    codes = _codes(findings, request, bounds, systems)
    for name, ids in (("rules_off", options.rules_off), ("rules_on", options.rules_on)):
        for index, rule in enumerate(ids):
            if rule not in IDS:
                findings.add(f"options.{name}[{index}]", "must be the id of a rule of this server")
    if options.offset_unit not in types.OffsetUnit.values():
        findings.add("options.offset_unit", "is not a value of the contract's enum")
    confidence = options.min_confidence if options.HasField("min_confidence") else None
    if confidence is not None and (math.isnan(confidence) or not 0.0 <= confidence <= 1.0):
        findings.add("options.min_confidence", "must lie in [0, 1]")
    findings.raise_if_any()
    valid = AuditInput(
        notes=tuple(AuditedText(note.note_id, note.text) for note in request.notes),
        codes=codes,
        setting=setting,
        date_of_service=date,
        age_years=age,
        sex=sex,
        rules_off=frozenset(options.rules_off),
        rules_on=frozenset(options.rules_on),
        auditor_view=options.auditor_view,
        min_confidence=confidence,
    )
    offsets = tuple(OffsetMap(note.text, options.offset_unit) for note in request.notes)
    return ValidAudit(valid, offsets, priority)


def _check_notes(findings: Findings, request: pb.AuditNoteRequest, bounds: Limits) -> None:
    if not 1 <= len(request.notes) <= limits.MAX_AUDITED_NOTES:
        findings.add("notes", f"must hold 1 to {limits.MAX_AUDITED_NOTES} notes")
        return
    ids: set[str] = set()
    for index, note in enumerate(request.notes):
        if len(note.note_id.encode()) > limits.MAX_NOTE_ID_BYTES:
            findings.add(
                f"notes[{index}].note_id", f"must be at most {limits.MAX_NOTE_ID_BYTES} bytes of UTF-8"
            )
        elif note.note_id in ids:
            findings.add(f"notes[{index}].note_id", "must differ from that of the other notes")
        ids.add(note.note_id)
        findings.text(f"notes[{index}].text", note.text, bounds.note_code_points)
    if sum(len(note.text) for note in request.notes) > bounds.note_code_points:
        findings.add("notes", f"must be at most {bounds.note_code_points:,} code points long together")


def _codes(
    findings: Findings, request: pb.AuditNoteRequest, bounds: Limits, systems: Collection[str]
) -> tuple[Proposed, ...]:
    if len(request.codes) > bounds.audit_codes:
        findings.add("codes", f"must hold at most {bounds.audit_codes} codes; it has {len(request.codes)}")
        return ()
    codes = []
    for index, proposed in enumerate(request.codes):
        field = f"codes[{index}]"
        system = findings.system(f"{field}.system", proposed.system, systems)
        # A text that is no code is a finding; one without end is no code of any system.
        findings.text(f"{field}.code", proposed.code, limits.MAX_CODE_CHARACTERS)
        position = proposed.position if proposed.HasField("position") else None
        if position is not None and not 1 <= position <= limits.MAX_POSITION:
            findings.add(f"{field}.position", f"must lie in 1 to {limits.MAX_POSITION:,}")
        known: dict[int, Poa | None] = dict(enums.POA)
        poa = findings.enum(f"{field}.poa", proposed.poa, audit_pb.PoaIndicator, known, None)
        date = findings.date(f"{field}.date", proposed.date)
        codes.append(Proposed(proposed.code, system, position, poa, date))
    return tuple(codes)
