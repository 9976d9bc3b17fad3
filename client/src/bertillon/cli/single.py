"""Codes one note and shows its sections as they come."""

from __future__ import annotations

import time

import click

from bertillon import Bertillon, CodingOptions, EncounterSummary, NoteResult, SectionResult
from bertillon.cli.documents import event_document, line, pretty, result_document
from bertillon.cli.exits import Exit, say
from bertillon.cli.inputs import Input
from bertillon.cli.view import View, clean, make_console


def code_one(
    client: Bertillon, item: Input, options: CodingOptions, *, style: str, timeout: float | None
) -> Exit:
    """Code one note and print what comes, as it comes where the format allows."""
    if item.note is None:
        say(f"{clean(item.name)}: {item.problem}")
        return Exit.NOTES
    view, events = View(make_console()), []
    begun, first, last = time.monotonic(), None, None
    for event in client.code_note(item.note, options=options, timeout=timeout):
        if isinstance(event, SectionResult):
            last = time.monotonic() - begun
            first = last if first is None else first
        match style, event:
            case "ndjson", _:
                click.echo(line(event_document(item.name, event)), nl=False)
            case "json", _:
                events.append(event)
            case _, SectionResult():
                view.section(event)
            case _, EncounterSummary():
                view.summary(event)
                view.times(first, last)
    if style == "json":
        click.echo(pretty(result_document(item.name, NoteResult.of("", events))), nl=False)
    return Exit.OK
