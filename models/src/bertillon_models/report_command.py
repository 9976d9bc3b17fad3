"""The command that scores a bundle on the standing sets and leaves the record in it.

The standing sets are those on which bundles are compared: of the project's corpus the notes kept for choosing and the
specialties held out, and fragments. With a folder of data sets, CodiEsp dev and NegEx are reported beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from bertillon_models import options
from bertillon_models.corpus import CorpusNote
from bertillon_models.evaluation.assertion_sets import examples_of, read_assertions
from bertillon_models.evaluation.corpus_parts import CorpusParts, Part
from bertillon_models.evaluation.facts import facts_of
from bertillon_models.evaluation.figures import Table
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase, cases_of
from bertillon_models.evaluation.note_sets import Profile, read_notes
from bertillon_models.evaluation.quantisation import INT8_AGAINST_FP32
from bertillon_models.evaluation.render import as_markdown
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.evaluation.suite import Suite, Systems
from bertillon_models.options import CODIESP_DEV, NEGEX, TERMS
from bertillon_models.standing import REPORT_FILE, Measure, Standing, fingerprint_of, write_record
from bertillon_server.bundle.loader import BundleError

_SEED = 0


def report_on(bundle: Path, corpus: Path, data: Path | None, fp32: Path | None = None) -> Standing:
    """Score a bundle, write REPORT.md and REPORT.json into it, and return where it stands.

    With its encoder before quantisation, `fp32`, the report compares the two.
    Raises DataError when a set cannot be read or there is nothing to score, BundleError when the bundle does not
    open.
    """
    coder = LocalCoder(bundle)
    parts = CorpusParts(corpus, Rejects())
    systems = Systems(coder, terms=None if data is None else data / TERMS, fp32=fp32)
    suite = Suite(systems, seed=_SEED, training=parts.training())
    measures = _on_corpus(suite, parts, coder.knowledge.versions.model)
    if data is not None:
        codiesp = Profile.CODIESP
        notes = list(read_notes(data / CODIESP_DEV, codiesp.setting))
        suite.notes(CODIESP_DEV.as_posix(), notes, codiesp)
        suite.assertions(NEGEX.name, list(read_assertions(data / NEGEX, Rejects())))
    results, facts = suite.results, facts_of(coder, _SEED)
    standing = Standing(coder.knowledge.versions.model, measures)
    notices = [
        f"{name}: gold codes that are not billable in this release: {', '.join(codes)}"
        for name, codes in results.unbillable.items()
    ]
    text = as_markdown(f"Evaluation of {standing.label}", facts, results, notices)
    (bundle / REPORT_FILE).write_text(text, encoding="utf-8")
    tables = {"tables": results.tables, INT8_AGAINST_FP32: results.fidelity}
    shown = {name: [table.as_json() for table in made] for name, made in tables.items() if made}
    write_record(bundle, standing, {**facts, **shown})
    return standing


def _on_corpus(suite: Suite, parts: CorpusParts, system: str) -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    tables = suite.results.tables
    for part in (Part.DEV, Part.SPECIALTY):
        notes, name = parts.notes(part), f"corpus, split {part.value}"
        if notes:
            first = len(tables)
            suite.corpus_notes(name, notes, Profile.US_OUTPATIENT, part)
            measures[f"{name}: exact F1"] = _measure(tables[first], "exact F1", system, _of_notes(notes))
            suite.assertions(f"{name}, assertions", list(examples_of(notes)))
    for part in (Part.DEV, Part.CODE):
        cases, name = cases_of(parts.lines(part)), f"corpus, split {part.value}, fragments"
        if cases:
            first = len(tables)
            suite.mentions(name, cases)
            measures[f"{name}: R@1"] = _measure(tables[first], "exact R@1", system, _of_mentions(cases))
    if not measures:
        raise DataError("the corpus has nothing that is kept from training")
    return measures


def _measure(table: Table, row: str, system: str, fingerprint: str) -> Measure:
    return Measure(table.rows[row][system].value, table.units, fingerprint)


def _of_notes(notes: Sequence[CorpusNote]) -> str:
    return fingerprint_of((note.text, sorted(note.coded().codes)) for note in notes)


def _of_mentions(cases: Sequence[MentionCase]) -> str:
    return fingerprint_of((case.text, case.span.start, case.span.end, sorted(case.codes)) for case in cases)


@click.command("report")
@click.option(
    "--bundle",
    type=options.FOLDER,
    default=Path("models/current"),
    show_default=True,
)
@options.corpus
@click.option(
    "--data",
    type=options.FOLDER,
    help=f"Folder of the data sets: score {CODIESP_DEV} and {NEGEX} too, beside the dictionary and BM25.",
)
@options.fp32
def report(bundle: Path, corpus: Path, data: Path | None, fp32: Path | None) -> None:
    """Score a bundle on the standing sets and leave REPORT.md and REPORT.json in it, which `install` compares."""
    try:
        standing = report_on(bundle, corpus, data, fp32)
    except (DataError, BundleError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    for name, measure in standing.measures.items():
        click.echo(f"{name} {measure.value:.3f} ({measure.units:,})", err=True)
