"""An audit for a person: codes with their verdicts, findings with their evidence, queries ready to paste."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bertillon import (
    Assertion,
    AuditedCode,
    AuditEvidence,
    AuditFinding,
    AuditNoteResponse,
    FindingKind,
    FindingSeverity,
    label,
)
from bertillon.cli.view import CONTEXT, clean

_STYLES = {
    FindingKind.FINDING_KIND_CONFIRMED: "green",
    FindingKind.FINDING_KIND_UNSUPPORTED: "red",
    FindingKind.FINDING_KIND_CONFLICT: "bold red",
    FindingKind.FINDING_KIND_MISSED: "magenta",
    FindingKind.FINDING_KIND_SPECIFICITY: "yellow",
    FindingKind.FINDING_KIND_QUERY: "cyan",
}
_INDENT = 4


class AuditView:
    """Prints an audit on a console; `names` are the user's names of the notes, by their ids."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        self._console = console
        self._names = names
        # Where colours are off the evidence is marked by signs.
        self._plain = console.no_color or not console.is_terminal

    def report(self, reply: AuditNoteResponse) -> None:
        """Print codes, findings and queries."""
        self._heading("CODES")
        if not reply.codes:
            self._console.print(Text("  none proposed", "dim"))
        for code in reply.codes:
            self._code(code)
        queries = [finding for finding in reply.findings if finding.HasField("query")]
        confirmed = FindingKind.FINDING_KIND_CONFIRMED
        others = [f for f in reply.findings if not f.HasField("query") and f.kind != confirmed]
        if others:
            self._heading("FINDINGS")
        for finding in others:
            self._finding(finding)
        if queries:
            self._heading("QUERIES TO THE CLINICIAN")
        for finding in queries:
            self._query(finding)
        if not others and not queries:
            self._console.print(Text("nothing found", "green"))
        for notice in reply.notices:
            self._console.print(Text(f"note: {clean(notice.message)}", "yellow"))

    def _code(self, code: AuditedCode) -> None:
        row = Table.grid(padding=(0, 1), expand=False)
        row.add_column(width=9, no_wrap=True, style="bold cyan")
        row.add_column(width=12, no_wrap=True)
        row.add_column(width=4)
        row.add_column()
        text = Text(clean(code.title) or "no such code")
        if code.HasField("flags"):
            flags = [*code.flags.hcc, *(["MCC"] if code.flags.mcc else ["CC"] if code.flags.cc else [])]
            text.append(f"  [{', '.join(flags)}]" if flags else "", "dim")
        row.add_row(
            clean(code.code.code if code.HasField("code") else code.proposed.code),
            Text(label(FindingKind, code.verdict), _STYLES.get(code.verdict, "")),
            f"{code.confidence:.2f}",
            text,
        )
        self._console.print(Padding(row, (0, 0, 0, 2), expand=False))

    def _finding(self, finding: AuditFinding) -> None:
        severity = label(FindingSeverity, finding.severity)
        about = ", ".join(code.code for code in finding.codes)
        self._console.print(
            Text.assemble(
                "  ",
                (label(FindingKind, finding.kind), _STYLES.get(finding.kind, "")),
                f" ({severity}) ",
                (f"{clean(about)}: " if about else "", "bold"),
                clean(finding.explanation),
            )
        )
        for item in finding.evidence:
            self._below(self._quoted(item))
        if finding.looked_in:
            self._below(Text(f"nothing found in {clean(finding.looked_in)}", "dim"))
        if finding.suggestions:
            options = "; ".join(f"{item.code.code} {item.title}" for item in finding.suggestions)
            self._below(Text(f"consider: {clean(options)}"))
        if finding.would_support:
            self._below(Text(f"would support it: {clean(finding.would_support)}"))
        self._below(Text(f"{finding.rule_id}; {clean(finding.source)}", "dim"))

    def _query(self, finding: AuditFinding) -> None:
        """Print a query so that it can be copied as it is: no marks, no colours within it."""
        self._console.print(Text(f"  {clean(finding.query.topic)}", "bold"))
        for text in finding.query.text.split("\n"):
            self._below(Text(clean(text)))
        self._console.print()

    def _quoted(self, item: AuditEvidence) -> Text:
        evidence, sentence = item.evidence, item.sentence
        start = evidence.span.start - sentence.span.start
        end = start + len(evidence.quote)
        if sentence.quote[start:end] != evidence.quote:
            text = self._marked(evidence.quote)
        else:
            left, right = max(0, start - CONTEXT), min(len(sentence.quote), end + CONTEXT)
            text = Text.assemble(
                ("…" if left > 0 else "", "dim"),
                clean(sentence.quote[left:start]),
                self._marked(evidence.quote),
                clean(sentence.quote[end:right]),
                ("…" if right < len(sentence.quote) else "", "dim"),
            )
        if item.assertion not in (Assertion.ASSERTION_UNSPECIFIED, Assertion.ASSERTION_PRESENT):
            text.append(f"  {label(Assertion, item.assertion)}", "red")
        if len(self._names) > 1:
            text.append(f"  ({clean(self._names.get(item.note_id, item.note_id))})", "dim")
        return text

    def _marked(self, quote: str) -> Text:
        return Text(f"«{clean(quote)}»" if self._plain else clean(quote), "bold black on yellow")

    def _heading(self, words: str) -> None:
        self._console.print(Text(words, "" if self._plain else "bold reverse"))

    def _below(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 0, 0, _INDENT), expand=False))
