"""Codes many notes with a bounded number in flight, into a file that can be resumed or to standard output."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bertillon import Bertillon, BertillonError, CodingOptions, Note, NoteResult
from bertillon.cli.documents import line, pretty, result_document
from bertillon.cli.exits import Exit, say
from bertillon.cli.inputs import Input
from bertillon.cli.store import Store
from bertillon.cli.view import View, clean, make_console

Sink = Callable[[str, NoteResult], None]


@dataclass(slots=True)
class BulkJob:
    """A run over many notes: which there are, which are done, which have failed.

    The server gets running numbers for ids: names of files and records stay here.
    """

    inputs: Iterable[Input]
    done: set[str] = field(default_factory=set)
    failures: list[tuple[str, str]] = field(default_factory=list)
    coded: int = 0
    skipped: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def notes(self) -> Iterator[Note]:
        """Yield the notes that are still to be coded."""
        seen: set[str] = set()
        for number, item in enumerate(self.inputs, 1):
            if item.name in seen:
                self.failures.append((item.name, "a note of this id came before"))
            elif item.name in self.done:
                self.skipped += 1
            elif item.note is None:
                self.failures.append((item.name, item.problem))
            else:
                item.note.note_id = str(number)
                self._names[item.note.note_id] = item.name
                yield item.note
            seen.add(item.name)

    def results(
        self, client: Bertillon, options: CodingOptions, *, in_flight: int, timeout: float | None
    ) -> Iterator[tuple[str, NoteResult]]:
        """Yield the name and the result of every note that could be coded, as they come."""
        outcomes = client.code_notes(self.notes(), options=options, max_in_flight=in_flight, timeout=timeout)
        for note_id, result in outcomes:
            name = self._names.pop(note_id)
            if isinstance(result, BertillonError):
                self.failures.append((name, str(result)))
            else:
                self.coded += 1
                yield name, result

    @property
    def finished(self) -> int:
        """How many notes are behind, one way or another."""
        return self.coded + self.skipped + len(self.failures)

    def report(self) -> Exit:
        """List the failures on stderr and return the exit code."""
        for name, problem in self.failures:
            say(f"{clean(name)}: {problem}")
        if self.failures:
            say(f"{len(self.failures)} of {self.finished} notes were not coded")
        return Exit.NOTES if self.failures else Exit.OK


def code_many(
    client: Bertillon,
    job: BulkJob,
    options: CodingOptions,
    *,
    style: str,
    store: Store | None,
    total: int | None,
    in_flight: int,
    timeout: float | None,
) -> Exit:
    """Code the notes of a job; results go to the store, or to standard output where there is none."""
    console = make_console(stderr=True)
    # A bar in the middle of a listing on the same terminal would only be in its way.
    hidden = not console.is_terminal or (store is None and make_console().is_terminal)
    try:
        with _sink(style, store) as sink, _bar(hidden=hidden) as bar:
            task = bar.add_task("coding", total=total, failed=0)
            for name, result in job.results(client, options, in_flight=in_flight, timeout=timeout):
                sink(name, result)
                bar.update(task, completed=job.finished, failed=len(job.failures))
            bar.update(task, completed=job.finished, failed=len(job.failures))
    except (BertillonError, KeyboardInterrupt):
        job.report()
        if store is not None:
            say(f"stopped with {job.coded} notes more in the output; go on with --resume")
        raise
    return job.report()


def _bar(*, hidden: bool) -> Progress:
    return Progress(
        TextColumn("coding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        # Quiet beside disabled: rich ends even a bar that it did not draw with an empty line.
        console=make_console(stderr=True, quiet=hidden),
        disable=hidden,
    )


@contextlib.contextmanager
def _sink(style: str, store: Store | None) -> Iterator[Sink]:
    """Give what writes a result where it belongs."""
    if store is not None:
        yield lambda name, result: store.write(result_document(name, result))
    elif style == "ndjson":
        yield lambda name, result: click.echo(line(result_document(name, result)), nl=False)
    elif style == "json":
        opening = iter(["[\n"])
        yield lambda name, result: click.echo(
            next(opening, ",\n") + pretty(result_document(name, result)).rstrip(), nl=False
        )
        click.echo(next(opening, "") + "\n]")
    else:
        view = View(make_console())

        def show(name: str, result: NoteResult) -> None:
            view.heading(name)
            view.summary(result.summary)

        yield show
