"""Checks the corpus: what must hold of every note and fragment, and what a second reader should look at.

Errors are what training or evaluation cannot use: a note id twice, two notes that are nearly one, a file that does
not read. Doubts are where labels and words seem to disagree: a side that the words contradict, an assertion that the
rules read otherwise, a condition that is denied and coded all the same. A corpus may have doubts (hard cases are
meant to), not errors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bertillon_models.code_set import read_code_table
from bertillon_models.corpus import Annotation, CorpusNote, read_corpus
from bertillon_models.evaluation.note_sets import DataError
from bertillon_models.mention_lines import MentionLine, read_mention_lines
from bertillon_server.coding.assertion import AssertionRules, tokenize
from bertillon_server.coding.axes import read_title
from bertillon_server.coding.sections import sections_from
from bertillon_server.coding.sentences import split_sentences
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion
from bertillon_server.coding.words import words_of

# Share of word runs in common at which two notes are nearly one; notes of one template stay below a third.
NEARLY_ONE = 0.5
_RUN = 5
_SIDES = frozenset({"right", "left", "bilateral"})
# Notes may not count these for the encounter, whatever else is so.
_NEVER_CODED = frozenset(
    {Assertion.NEGATED, Assertion.FAMILY, Assertion.OTHER_PERSON, Assertion.HYPOTHETICAL}
)


@dataclass
class Findings:
    """What was found, by place."""

    errors: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def check_notes(notes: Sequence[tuple[str, CorpusNote]], titles: dict[str, str]) -> Findings:
    """Check notes, each with where it was read; `titles` are the official ones by code."""
    found = Findings()
    seen: dict[str, str] = {}
    rules = AssertionRules()
    for where, note in notes:
        name = note.fields["note"]
        if name in seen:
            found.errors.append(f"{where}: note {name} is also at {seen[name]}")
        seen[name] = where
        found.doubts += [f"{where}: {name}: {doubt}" for doubt in _doubts(note, titles, rules)]
    found.errors += _near_duplicates(notes)
    return found


def check_lines(lines: Sequence[tuple[str, MentionLine]], titles: dict[str, str]) -> Findings:
    """Check fragments, each with where it was read."""
    found = Findings()
    seen: dict[str, str] = {}
    for where, line in lines:
        if line.text in seen:
            found.errors.append(f"{where}: the same words as at {seen[line.text]}")
        seen[line.text] = where
        for span, code in line.mentions:
            doubt = _wrong_side(line.text, span, code, titles)
            if doubt:
                found.doubts.append(f"{where}: {doubt}")
    return found


def _doubts(note: CorpusNote, titles: dict[str, str], rules: AssertionRules) -> Iterator[str]:
    judged = _by_rules(note, rules)
    for annotation in note.annotations:
        side = _wrong_side(note.text, annotation.span, annotation.code, titles)
        if side:
            yield side
        if annotation.assertion in _NEVER_CODED and not annotation.reason and annotation.code[0] != "Z":
            yield f"{annotation.code} is {annotation.assertion.name.lower()} and coded"
        by_rule = judged.get(annotation.span)
        if by_rule is not None and by_rule is not annotation.assertion:
            yield f"{annotation.code} is {annotation.assertion.name.lower()}, by the rules {by_rule.name.lower()}"


def _by_rules(note: CorpusNote, rules: AssertionRules) -> dict[Span, Assertion]:
    judged: dict[Span, Assertion] = {}
    for section in sections_from(note.text, ()):
        for sentence in split_sentences(note.text, section.body):
            spans = [a.span for a in note.annotations if sentence.contains(a.span)]
            if spans:
                read = rules.judge(tokenize(note.text, sentence), spans, section.kind)
                judged.update(zip(spans, (judgement.assertion for judgement in read), strict=True))
    return judged


def _wrong_side(text: str, span: Span, code: str, titles: dict[str, str]) -> str:
    """Return what is wrong when the words name one side and the title another."""
    said = _SIDES & set(words_of(text, span.start, span.end).forms)
    title = read_title(titles[code])
    meant = _SIDES & (title.asserts | title.either)
    if said and meant and not said & meant and meant != {"bilateral"}:
        return f"{code} is {', '.join(sorted(meant))}, the words say {', '.join(sorted(said))}"
    return ""


def _near_duplicates(notes: Sequence[tuple[str, CorpusNote]]) -> list[str]:
    runs = [_runs(note) for _, note in notes]
    places: dict[int, list[int]] = {}
    for number, own in enumerate(runs):
        for run in own:
            places.setdefault(run, []).append(number)
    common: Counter[tuple[int, int]] = Counter()
    for numbers in places.values():
        common.update((a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :])
    return [
        f"{notes[b][0]}: note {notes[b][1].fields['note']} is nearly note {notes[a][1].fields['note']}"
        for (a, b), shared in common.items()
        if shared >= NEARLY_ONE * min(len(runs[a]), len(runs[b]))
    ]


def _runs(note: CorpusNote) -> set[int]:
    words = re.findall(r"\w+", note.text.lower())
    return {hash(tuple(words[i : i + _RUN])) for i in range(max(1, len(words) - _RUN + 1))}


def _counts(notes: Sequence[tuple[str, CorpusNote]], lines: Sequence[tuple[str, MentionLine]]) -> Table:
    annotations: list[Annotation] = [a for _, note in notes for a in note.annotations]
    mentions = [code for _, line in lines for _, code in line.mentions]
    asserted = Counter(kind for _, line in lines for kind in line.assertions)
    table = Table(title="corpus")
    table.add_column("what")
    table.add_column("count", justify="right")
    for what, count in (
        ("notes", len(notes)),
        ("specialties", len({note.fields["specialty"] for _, note in notes})),
        ("note types", len({note.fields.get("type") for _, note in notes} - {None})),
        ("inpatient notes", sum(note.fields.get("setting") == "inpatient" for _, note in notes)),
        ("annotated mentions", len(annotations)),
        ("  of them coded", sum(not a.reason for a in annotations)),
        ("distinct codes in notes", len({a.code for a in annotations})),
        ("  of them coded", len({a.code for a in annotations if not a.reason})),
        ("fragments", len(lines)),
        ("mentions in fragments", len(mentions)),
        ("distinct codes in fragments", len(set(mentions))),
        ("distinct codes in all", len({a.code for a in annotations} | set(mentions))),
        *(
            (f"{kind.name.lower()} mentions", sum(a.assertion is kind for a in annotations))
            for kind in Assertion
        ),
        *((f"{kind.name.lower()} mentions in fragments", asserted[kind]) for kind in Assertion),
    ):
        table.add_row(what, f"{count:,}")
    return table


@click.command("check-corpus")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--doubts", is_flag=True, help="List every doubt, not only how many there are.")
def check_corpus(folder: Path, *, doubts: bool) -> None:
    """Check annotated notes in FOLDER and fragments in FOLDER/mentions; exit 1 when there is an error."""
    console = Console()
    table = read_code_table()
    titles, billable = table.titles, table.billable
    try:
        notes = [
            (path.name, note) for path in sorted(folder.glob("*.txt")) for note in read_corpus(path, billable)
        ]
        lines = [
            (f"{path.name}, line {line.number}", line)
            for path in sorted((folder / "mentions").glob("*.txt"))
            for line in read_mention_lines(path, billable)
        ]
    except DataError as error:
        raise click.ClickException(str(error)) from None
    of_notes, of_lines = check_notes(notes, titles), check_lines(lines, titles)
    console.print(_counts(notes, lines))
    errors = of_notes.errors + of_lines.errors
    listed = of_notes.doubts + of_lines.doubts
    for line in [*errors, *(listed if doubts else ())]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(errors)} errors, {len(listed)} doubts")
    if errors:
        raise click.exceptions.Exit(1)
