"""Counts how much of the tabular list's notes the rules can read, and lists what they cannot."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import click

from bertillon_models.evaluation.local import SYSTEM
from bertillon_server.catalog.store import Catalog

SEVENTH = "seventh_character"


@dataclass(frozen=True, slots=True)
class BookNote:
    """A note, and what became of it: `read` when it makes a rule, else why it makes none."""

    kind: str
    stated_at: str
    text: str
    fate: str

    @property
    def read(self) -> bool:
        """Whether it makes a rule."""
        return self.fate == "read"


def book_notes(catalog: Catalog, version: str) -> Iterator[BookNote]:
    """Yield every note of the release that rules are made from."""
    for kind, position, text, ranges, resolved in catalog.relation_notes(SYSTEM, version):
        yield BookNote(kind.value, position, text, _fate(text, ranges, resolved))
    for code, values, extended in catalog.seventh_definitions(SYSTEM, version):
        fate = "read" if extended else "no code of the release takes it"
        yield BookNote(SEVENTH, code, f"{values} values", fate)


def _fate(text: str, ranges: int, resolved: int) -> str:
    if ranges and resolved == ranges:
        return "read"
    if resolved:
        return "read in part"
    if ranges:
        return "prints codes that make no rule"
    return "heading" if text.rstrip().endswith(":") else "prints no codes"


@click.command("book")
@click.option("--list", "listed", is_flag=True, help="List the notes that make no rule.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
def book(*, listed: bool, style: str) -> None:
    """Count the notes that rules are made from, by what they make.

    Excludes1, code first, use additional code and 7th characters, of the newest release.
    """
    with Catalog.open() as catalog:
        version = catalog.release_for(SYSTEM, None).release.version
        notes = list(book_notes(catalog, version))
    counts = Counter((note.kind, note.fate) for note in notes)
    if style == "json":
        click.echo(
            json.dumps(
                [{"kind": kind, "fate": fate, "notes": n} for (kind, fate), n in sorted(counts.items())]
            )
        )
    else:
        for (kind, fate), number in sorted(counts.items()):
            click.echo(f"{kind:18} {fate:32} {number:6,}")
    if listed:
        for note in notes:
            if not note.read:
                click.echo(f"{note.kind}\t{note.stated_at}\t{note.fate}\t{note.text}")
