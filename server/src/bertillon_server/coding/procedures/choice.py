"""Which systems of procedures code a note: those that the caller names, or those of the setting that are loaded.

Source: 45 CFR 162.1002, which adopts ICD-10-PCS for procedures on hospital inpatients, and HCPCS and CPT for all
others.
"""

from __future__ import annotations

from collections.abc import Collection

from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.vocabulary import Setting

DIAGNOSES = "icd-10-cm"
INPATIENT_PROCEDURES = "icd-10-pcs"


def systems_for(note: NoteInput, loaded: Collection[str]) -> tuple[str, ...]:
    """Return the systems of procedures that code a note, sorted."""
    named = note.options.code_systems
    if named:
        return tuple(sorted(system for system in set(named) & set(loaded) if system != DIAGNOSES))
    inpatient = note.setting is Setting.INPATIENT
    return tuple(
        sorted(
            system
            for system in loaded
            if system != DIAGNOSES and (system == INPATIENT_PROCEDURES) == inpatient
        )
    )


def codes_diagnoses(note: NoteInput) -> bool:
    """Whether diagnoses are asked for."""
    return not note.options.code_systems or DIAGNOSES in note.options.code_systems
