"""Audits the codes of one encounter and shows what was found."""

from __future__ import annotations

from dataclasses import dataclass

import click

from bertillon import (
    AuditedNote,
    AuditFinding,
    AuditNoteResponse,
    AuditOptions,
    Bertillon,
    FindingKind,
    FindingSeverity,
    ProposedCode,
)
from bertillon.cli.audit_view import AuditView
from bertillon.cli.documents import document, line, pretty
from bertillon.cli.exits import Exit, say
from bertillon.cli.inputs import Input
from bertillon.cli.view import clean, make_console


@dataclass(frozen=True, slots=True)
class AuditJob:
    """What to audit: the notes of one encounter, and codes parted by commas."""

    items: list[Input]
    codes: str
    options: AuditOptions
    sequenced: bool

    def proposed(self) -> list[ProposedCode]:
        """Return the codes; with positions where they are in sequence."""
        codes = [code.strip() for code in self.codes.split(",") if code.strip()]
        return [
            ProposedCode(code=code, position=place if self.sequenced else None)
            for place, code in enumerate(codes, 1)
        ]


def audit_notes(client: Bertillon, job: AuditJob, *, style: str, timeout: float | None) -> Exit:
    """Audit an encounter and print the result."""
    for item in job.items:
        if item.note is None:
            say(f"{clean(item.name)}: {item.problem}")
            return Exit.NOTES
    notes = [item.note for item in job.items if item.note is not None]
    about = notes[0]
    reply = client.audit_note(
        # Names of files stay here: the server gets running numbers.
        [AuditedNote(note_id=str(number), text=note.text) for number, note in enumerate(notes, 1)],
        job.proposed(),
        setting=about.setting,
        date_of_service=about.date_of_service,
        patient=about.patient if about.HasField("patient") else None,
        options=job.options,
        timeout=timeout,
    )
    if style == "json":
        click.echo(pretty(document(reply)), nl=False)
    elif style == "ndjson":
        for finding in reply.findings:
            click.echo(line(document(finding)), nl=False)
    else:
        names = {str(number): item.name for number, item in enumerate(job.items, 1)}
        AuditView(make_console(), names).report(reply)
    return Exit.NOTES if any(map(needs_attention, findings_of(reply))) else Exit.OK


def findings_of(reply: AuditNoteResponse) -> list[AuditFinding]:
    """Return all findings but those that confirm a code."""
    return [finding for finding in reply.findings if finding.kind != FindingKind.FINDING_KIND_CONFIRMED]


def needs_attention(finding: AuditFinding) -> bool:
    """Whether a coder should look at a finding."""
    return finding.severity != FindingSeverity.FINDING_SEVERITY_INFO
