"""Results for a person: sections as they come, evidence highlighted in its sentence, the encounter."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bertillon import (
    Assertion,
    AxisKind,
    CodeEdit,
    CodeFlags,
    ComplicationLevel,
    EncounterCode,
    EncounterSummary,
    Evidence,
    FlagList,
    GetCodeResponse,
    Mention,
    MentionRef,
    NoteKind,
    SearchCodesResponse,
    SectionKind,
    SectionResult,
    Sex,
    SuppressionReason,
    label,
)

CONTEXT = 90
"""Code points of a sentence that are shown on either side of the evidence: two lines of a terminal."""

_ASSERTION_STYLES = {Assertion.ASSERTION_PRESENT: "green", Assertion.ASSERTION_NEGATED: "red"}


class StrictConsole(Console):
    """A console that reports a closed pipe in place of ending the program by itself."""

    def on_broken_pipe(self) -> None:
        """Raise what the caller of the command handles."""
        raise BrokenPipeError


def make_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Return a console that takes text as it is; without colours where nobody would see them."""
    return StrictConsole(stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)


def clean(text: str) -> str:
    """Return text on one line without anything that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


class View:
    """Prints results on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Where colours are off the evidence is marked by signs.
        self._plain = console.no_color or not console.is_terminal

    def section(self, result: SectionResult) -> None:
        """Print a section and what it mentions."""
        section = result.section
        title = clean(section.title.quote) if section.HasField("title") else "(no title)"
        self._console.print(Text.assemble((title, "bold"), "  ", (label(SectionKind, section.kind), "dim")))
        if not result.mentions:
            self._console.print(Text("  nothing to code", "dim"))
        for mention in result.mentions:
            self._mention(mention)
        self._console.print()

    def summary(self, summary: EncounterSummary) -> None:
        """Print the encounter: its codes, and what was left out and why."""
        self._console.print(Text("ENCOUNTER", "bold reverse" if not self._plain else ""))
        if not summary.codes:
            self._console.print(Text("  no codes", "dim"))
        self._codes(summary.codes)
        if summary.procedures:
            self._console.print(Text("PROCEDURES", "bold"))
        self._codes(summary.procedures)
        left = (*summary.suppressed, *summary.suppressed_procedures)
        if left:
            self._console.print(Text("LEFT OUT", "bold"))
        for left_out in left:
            reason = label(SuppressionReason, left_out.reason)
            text = Text.assemble(clean(left_out.title), "  ", (reason, "yellow"))
            if left_out.HasField("in_favour_of"):
                text.append(f" (in favour of {left_out.in_favour_of.code})", "yellow")
            self._entry(left_out.code.code, f"{left_out.confidence:.2f}", "dim", text)
            self._quotes(left_out.evidence)
            if left_out.explanation:
                self._below(Text(clean(left_out.explanation), "dim"))
        for notice in summary.notices:
            self._console.print(Text(f"note: {clean(notice.message)}", "yellow"))

    def _codes(self, codes: Iterable[EncounterCode]) -> None:
        for code in codes:
            self._entry(code.code.code, f"{code.confidence:.2f}", "bold cyan", Text(clean(code.title)))
            self._quotes(code.evidence)
            if code.missing_axes:
                axes = ", ".join(label(AxisKind, axis) for axis in code.missing_axes)
                self._below(Text(f"more specific codes exist; not documented: {axes}", "yellow"))

    def times(self, first: float | None, last: float | None) -> None:
        """Print how long the first and the last section took, in seconds since the request."""
        if first is not None and last is not None:
            text = f"first section after {first * 1000:.0f} ms, last after {last * 1000:.0f} ms"
            self._console.print(Text(text, "dim"))

    def heading(self, name: str) -> None:
        """Print the name of a note."""
        self._console.print(Text(clean(name), "bold underline"))

    def code(self, reply: GetCodeResponse) -> None:
        """Print a code with its place and its notes."""
        billable = ("billable", "green") if reply.billable else ("not billable: choose a child", "yellow")
        self._console.print(
            Text.assemble((reply.code.code, "bold cyan"), "  ", clean(reply.title), "  ", billable)
        )
        for depth, ancestor in enumerate(reply.ancestors):
            self._console.print(Text(f"{'  ' * (depth + 1)}{ancestor.code}  {clean(ancestor.title)}", "dim"))
        valid = f"{reply.valid_from or '…'} to {reply.valid_to or 'open'}"
        self._console.print(Text(f"{reply.code.system} {reply.code.version}, dates of service {valid}"))
        for child in reply.children:
            self._entry(child.code, "", "cyan", Text(clean(child.title)))
        for note in reply.notes:
            kind = label(NoteKind, note.kind)
            self._console.print(Text.assemble((f"{kind} (at {note.stated_at}): ", "bold"), clean(note.text)))
        for character in reply.seventh_characters:
            self._entry(character.character, "", "magenta", Text(clean(character.meaning)))
        if reply.HasField("flags"):
            self._flags(reply.flags)
        for notice in reply.notices:
            self._console.print(Text(f"note: {clean(notice.message)}", "yellow"))

    def _flags(self, flags: CodeFlags) -> None:
        said = [f"HCC V24 {category}" for category in flags.hcc_v24]
        said += [f"HCC V28 {category}" for category in flags.hcc_v28]
        if flags.complication:
            said.append(label(ComplicationLevel, flags.complication).upper())
        if flags.poa_exempt:
            said.append("exempt from present on admission")
        said += [label(CodeEdit, edit) for edit in flags.edits]
        if flags.HasField("ages"):
            said.append(f"ages {flags.ages.first_years} to {flags.ages.last_years}")
        if flags.sex:
            said.append(f"{label(Sex, flags.sex)} (advice only)")
        lists = ", ".join(
            f"{label(FlagList, source.list)} {clean(source.version)}"
            + ("" if source.in_force else " (not in force)")
            for source in flags.sources
        )
        self._console.print(Text(f"flags: {'; '.join(said) or 'none'}  (from {lists})"))

    def hits(self, reply: SearchCodesResponse) -> None:
        """Print the codes found, best first."""
        for hit in reply.hits:
            text = Text(clean(hit.title))
            if hit.matched_term and hit.matched_term != hit.title:
                text.append(f"  ({clean(hit.matched_term)})", "dim")
            if not hit.billable:
                text.append("  not billable", "yellow")
            self._entry(hit.code.code, f"{hit.score:.2f}", "bold cyan", text)
        for notice in reply.notices:
            self._console.print(Text(f"note: {clean(notice.message)}", "yellow"))

    def _mention(self, mention: Mention) -> None:
        assertion = label(Assertion, mention.assertion)
        text = Text.assemble(
            clean(mention.title) or "no billable code",
            "  ",
            (assertion, _ASSERTION_STYLES.get(mention.assertion, "yellow")),
        )
        if mention.suppression:
            text.append(f", not coded: {label(SuppressionReason, mention.suppression)}", "dim")
        code = mention.code.code if mention.HasField("code") else "—"
        confidence = f"{mention.confidence:.2f}" if mention.HasField("code") else ""
        self._entry(code, confidence, "dim" if mention.suppression else "bold cyan", text)
        self._below(self._highlighted(mention.evidence, mention.sentence))

    def _highlighted(self, evidence: Evidence, sentence: Evidence) -> Text:
        """Return the evidence within its sentence, which is cut where it is far from it."""
        start = evidence.span.start - sentence.span.start
        end = start + len(evidence.quote)
        if sentence.quote[start:end] != evidence.quote:
            return self._marked(evidence.quote)
        left, right = max(0, start - CONTEXT), min(len(sentence.quote), end + CONTEXT)
        return Text.assemble(
            ("…" if left > 0 else "", "dim"),
            clean(sentence.quote[left:start]),
            self._marked(evidence.quote),
            clean(sentence.quote[end:right]),
            ("…" if right < len(sentence.quote) else "", "dim"),
        )

    def _marked(self, quote: str) -> Text:
        return Text(f"«{clean(quote)}»" if self._plain else clean(quote), "bold black on yellow")

    def _quotes(self, references: Iterable[MentionRef]) -> None:
        text = Text()
        for reference in references:
            text.append_text(Text("; " if text else ""))
            text.append_text(self._marked(reference.evidence.quote))
        if text:
            self._below(text)

    def _entry(self, code: str, number: str, style: str, text: Text) -> None:
        row = Table.grid(padding=(0, 1), expand=False)
        row.add_column(width=9, no_wrap=True, style=style)
        row.add_column(width=4)
        row.add_column()
        row.add_row(code, number, text)
        self._console.print(Padding(row, (0, 0, 0, 2), expand=False))

    def _below(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 0, 0, 17), expand=False))
