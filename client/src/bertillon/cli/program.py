"""The commands."""

# ruff: noqa: D301 - the backspace character in a docstring is how click is told to keep lines apart

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from bertillon import AuditOptions, CodingOptions, OffsetUnit, SearchMode, __version__
from bertillon.cli import inputs
from bertillon.cli.audit import AuditJob, audit_notes
from bertillon.cli.bulk import BulkJob, code_many
from bertillon.cli.documents import document, line, pretty
from bertillon.cli.exits import Exit, refuse, say, sentences
from bertillon.cli.options import (
    ConnectionOptions,
    NoteOptions,
    coding_options,
    connection_options,
    iso_date,
    note_options,
)
from bertillon.cli.single import code_one
from bertillon.cli.store import Store
from bertillon.cli.view import View, make_console

FORMATS = click.Choice(["table", "json", "ndjson"])


class Program(click.Group):
    """The group of all commands; whatever ends one of them early ends in a sentence."""

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - as in click
        """Run the command line; wrong usage ends in a sentence too, where click writes three lines."""
        # Typed by hand: click overloads the flag that this passes on.
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        try:
            ended = run(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            refuse(error)
        except click.Abort:
            say("interrupted")
            sys.exit(Exit.INTERRUPTED)
        sys.exit(ended if isinstance(ended, int) else Exit.OK)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as in click
        """Run the command."""
        with sentences():
            return super().invoke(ctx)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bertillon")
def program() -> None:
    """Code clinical notes to ICD-10-CM with a Bertillon server.

    \b
    Exit codes: 0 everything was coded, 1 the server or the way to it failed,
    2 wrong usage, 3 some notes were not coded, a code was not found, or an
    audit found something.

    \b
    Examples:
      bertillon code note.txt
      bertillon code notes.jsonl --output codes.ndjson --resume
      bertillon audit note.txt --codes I10,E11.9
      bertillon search "heart failure"
      bertillon lookup I50.9
    """


@program.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--format", "style", type=FORMATS, default="table", show_default=True, help="Output format.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write ndjson, a note a line."
)
@click.option("--resume", is_flag=True, help="Skip notes that are already in --output.")
@click.option("--jsonl", "lines", is_flag=True, help="Read every FILE, standard input too, as JSON lines.")
@click.option(
    "--in-flight",
    type=click.IntRange(1, 1024),
    default=32,
    show_default=True,
    help="Most notes at the server at once.",
)
@note_options
@coding_options
@connection_options
def code(
    *,
    files: tuple[str, ...],
    style: str,
    output: Path | None,
    resume: bool,
    lines: bool,
    in_flight: int,
    about: NoteOptions,
    options: CodingOptions,
    connection: ConnectionOptions,
) -> None:
    """Code notes: text files, `-` for standard input, or JSON lines.

    One note is shown section by section as the server finds its codes. Several notes, or a .jsonl file
    with {"note_id", "text"} and optionally "setting", "date_of_service", "age" and "sex" on each line,
    are coded together, with results in the order in which they come.

    \b
    Examples:
      bertillon code note.txt --setting inpatient --date 2026-05-01
      pbpaste | bertillon code - --format json | jq '.summary.codes[].code.code'
      bertillon code ward/*.txt --output codes.ndjson
      bertillon code notes.jsonl --output codes.ndjson --resume
    """
    if resume and output is None:
        raise click.UsageError("--resume continues a file: name it with --output")
    if output is not None and style == "json":
        raise click.UsageError("--output is always written as ndjson")
    names = list(files)
    items = inputs.read(names, about, lines=lines)
    single = output is None and len(names) == 1 and not inputs.is_lines(names[0], lines=lines)
    with ExitStack() as stack:
        client = stack.enter_context(connection.connect())
        if single:
            ending = code_one(client, next(items), options, style=style, timeout=connection.timeout)
        else:
            store = stack.enter_context(Store(output, resume=resume)) if output else None
            ending = code_many(
                client,
                BulkJob(items, done=store.done if store else set()),
                options,
                style=style,
                store=store,
                total=inputs.count(names, lines=lines),
                in_flight=in_flight,
                timeout=connection.timeout,
            )
    sys.exit(ending)


@program.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--codes", required=True, help="Codes proposed, parted by commas; empty for none.")
@click.option(
    "--sequenced", is_flag=True, help="The codes are in the order of the claim, principal one first."
)
@click.option("--off", multiple=True, metavar="RULE", help="Id of a rule to leave out; may be repeated.")
@click.option(
    "--on", multiple=True, metavar="RULE", help="Id of a rule that the server leaves out; may be repeated."
)
@click.option("--auditor-view", is_flag=True, help="Show flags of risk adjustment and of complications.")
@click.option("--format", "style", type=FORMATS, default="table", show_default=True, help="Output format.")
@note_options
@connection_options
def audit(
    *,
    files: tuple[str, ...],
    codes: str,
    sequenced: bool,
    off: tuple[str, ...],
    on: tuple[str, ...],
    auditor_view: bool,
    style: str,
    about: NoteOptions,
    connection: ConnectionOptions,
) -> None:
    """Audit the codes proposed for an encounter against its notes and the rules of the code set.

    Shows each code with its verdict, each finding with its evidence and its source, and queries to the
    clinician, ready to paste. Several files are the notes of one encounter. Ends with exit code 3 if
    anything was found that a coder should look at, with 0 if not.

    \b
    Examples:
      bertillon audit note.txt --codes I10,E11.9,N18.30
      bertillon audit h-and-p.txt discharge.txt --codes A41.9,J18.9 --sequenced --setting inpatient
      bertillon audit note.txt --codes I10 --format json | jq '.findings[].rule_id'
    """
    options = AuditOptions(
        rules_off=off,
        rules_on=on,
        auditor_view=auditor_view,
        offset_unit=OffsetUnit.OFFSET_UNIT_CODE_POINTS,
    )
    job = AuditJob(list(inputs.read(list(files), about, lines=False)), codes, options, sequenced=sequenced)
    with connection.connect() as client:
        ending = audit_notes(client, job, style=style, timeout=connection.timeout)
    sys.exit(ending)


@program.command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 100), help="Most hits.")
@click.option(
    "--mode", type=click.Choice(["hybrid", "typeahead", "semantic"]), default="hybrid", show_default=True
)
@click.option("--billable", is_flag=True, help="Only codes that may be reported as they are.")
@click.option("--system", default="", help="Code system.")
@click.option("--date", callback=iso_date, metavar="YYYY-MM-DD", help="Date of service.")
@click.option("--format", "style", type=FORMATS, default="table", show_default=True, help="Output format.")
@connection_options
def search(
    *,
    query: str,
    limit: int | None,
    mode: str,
    billable: bool,
    system: str,
    date: str,
    style: str,
    connection: ConnectionOptions,
) -> None:
    """Search codes by words, abbreviations or meaning.

    \b
    Examples:
      bertillon search "heart failure"
      bertillon search htn --billable --limit 3
    """
    with connection.connect() as client:
        reply = client.search_codes(
            query,
            mode=SearchMode.Value(f"SEARCH_MODE_{mode.upper()}"),
            limit=limit,
            billable_only=billable,
            system=system,
            date_of_service=date,
            timeout=connection.timeout,
        )
    if style == "json":
        click.echo(pretty(document(reply)), nl=False)
    elif style == "ndjson":
        for hit in reply.hits:
            click.echo(line(document(hit)), nl=False)
    else:
        View(make_console()).hits(reply)
    if not reply.hits:
        say("no code found; try other words")


@program.command()
@click.argument("code")
@click.option("--system", default="", help="Code system.")
@click.option("--date", callback=iso_date, metavar="YYYY-MM-DD", help="Date of service.")
@click.option("--format", "style", type=FORMATS, default="table", show_default=True, help="Output format.")
@connection_options
def lookup(*, code: str, system: str, date: str, style: str, connection: ConnectionOptions) -> None:
    """Show a code: title, place in the hierarchy, notes, dates.

    \b
    Examples:
      bertillon lookup I50.9
      bertillon lookup e119 --date 2026-05-01 --format json
    """
    with connection.connect() as client:
        reply = client.get_code(code, system=system, date_of_service=date, timeout=connection.timeout)
    if style == "table":
        View(make_console()).code(reply)
    else:
        click.echo((pretty if style == "json" else line)(document(reply)), nl=False)
