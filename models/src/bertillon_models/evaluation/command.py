"""The command that judges a bundle: notes, mentions and assertions in one run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from rich.console import Console

from bertillon_models import options
from bertillon_models.evaluation.assertion_sets import examples_of, read_assertions
from bertillon_models.evaluation.corpus_parts import CorpusParts, Part
from bertillon_models.evaluation.facts import facts_of
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import cases_of, read_mentions
from bertillon_models.evaluation.note_sets import Profile, read_notes
from bertillon_models.evaluation.plots import svg
from bertillon_models.evaluation.quantisation import INT8_AGAINST_FP32
from bertillon_models.evaluation.render import as_markdown, for_terminal
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.evaluation.suite import Results, Suite, Systems
from bertillon_server.bundle.loader import BundleError

_SETS = ("notes", "mentions", "assertions")
# Wide enough for a name and three systems with their intervals.
_WIDTH = 180
_AXES = {
    "reliability": ("confidence", "share that is right"),
    "risk and coverage": ("coverage of the listed codes", "share that is wrong"),
}
_FILE = click.Path(path_type=Path, exists=True)


@click.command("evaluate")
@click.option("--notes", type=_FILE, multiple=True, help="Coded notes, JSON lines.")
@click.option("--mentions", type=_FILE, multiple=True, help="Mentions with their codes, JSON lines.")
@click.option(
    "--assertions",
    type=_FILE,
    multiple=True,
    help="Asserted mentions, JSON lines; or the folder of the NegEx test kit.",
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of annotated notes, with mentions/ below it.",
)
@click.option(
    "--split",
    type=click.Choice([part.value for part in Part]),
    default=Part.DEV.value,
    show_default=True,
    help="Part of the corpus.",
)
@click.option("--only", type=click.Choice(_SETS), multiple=True, help="Of the corpus, score only these.")
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.US_OUTPATIENT.value,
    show_default=True,
    help="How the notes count codes.",
)
@click.option("--bundle", type=_FILE, default=Path("models/current"), show_default=True)
@click.option("--baseline-bundle", type=_FILE, help="Another bundle, scored beside it.")
@click.option("--floor", "terms", type=_FILE, help="terms.tsv: score the dictionary and BM25 beside it.")
@options.fp32
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Folder for plots, as SVG.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Markdown file to write.")
@click.option("--skip-bad-rows", is_flag=True, help="Leave out rows that cannot be used, and count them.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def evaluate(
    *,
    notes: tuple[Path, ...],
    mentions: tuple[Path, ...],
    assertions: tuple[Path, ...],
    corpus: Path | None,
    split: str,
    only: tuple[str, ...],
    profile: str,
    bundle: Path,
    baseline_bundle: Path | None,
    terms: Path | None,
    fp32: Path | None,
    style: str,
    plots: Path | None,
    report: Path | None,
    skip_bad_rows: bool,
    seed: int,
) -> None:
    """Score a bundle on any sets of notes, mentions and assertions, with 95 % bootstrap intervals."""
    if not (notes or mentions or assertions or corpus):
        raise click.UsageError("give at least one of --notes, --mentions, --assertions and --corpus")
    rejects = Rejects(skip_bad_rows)
    try:
        baseline = None if baseline_bundle is None else LocalCoder(baseline_bundle)
        systems = Systems(LocalCoder(bundle), baseline, terms, fp32)
        parts = None if corpus is None else CorpusParts(corpus, rejects)
        suite = Suite(systems, seed=seed, training=None if parts is None else parts.training())
        chosen = Profile(profile)
        _files(suite, notes, mentions, assertions, chosen, rejects)
        if parts is not None:
            _corpus(suite, parts, Part(split), only or _SETS, chosen)
    except (DataError, BundleError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    facts = facts_of(systems.coder, seed)
    notices = _notices(suite.results, rejects)
    if plots is not None:
        _write_plots(plots, suite.results)
    if report is not None:
        heading = f"Evaluation of {systems.coder.knowledge.versions.model}"
        report.write_text(as_markdown(heading, facts, suite.results, notices), encoding="utf-8")
    if style == "json":
        click.echo(json.dumps(_as_json(suite.results, rejects, facts), indent=2, ensure_ascii=False))
    else:
        _print(suite.results, notices)


def _files(
    suite: Suite,
    notes: Iterable[Path],
    mentions: Iterable[Path],
    assertions: Iterable[Path],
    profile: Profile,
    rejects: Rejects,
) -> None:
    for path in notes:
        suite.notes(path.name, list(read_notes(path, profile.setting, rejects)), profile)
    for path in mentions:
        suite.mentions(path.name, list(read_mentions(path, rejects)))
    for path in assertions:
        suite.assertions(path.name, list(read_assertions(path, rejects)))


def _corpus(suite: Suite, parts: CorpusParts, part: Part, kinds: tuple[str, ...], profile: Profile) -> None:
    """Score a part of the corpus; what the part has none of is passed over."""
    name = f"corpus, split {part.value}"
    notes, cases = parts.notes(part), cases_of(parts.lines(part))
    if not (notes or ("mentions" in kinds and cases)):
        raise DataError(f"{name}: there is nothing to score")
    if "notes" in kinds and notes:
        suite.corpus_notes(name, notes, profile, part)
    if "mentions" in kinds and cases:
        suite.mentions(f"{name}, fragments", cases)
    if "assertions" in kinds and notes:
        suite.assertions(f"{name}, assertions", list(examples_of(notes)))


def _print(results: Results, notices: Iterable[str]) -> None:
    console = Console(width=_WIDTH)
    for table in [*results.tables, *results.fidelity]:
        console.print(for_terminal(table))
    for notice in notices:
        click.echo(notice, err=True)


def _notices(results: Results, rejects: Rejects) -> list[str]:
    notices = [
        f"{name}: {len(codes)} gold codes are not billable in this release: {', '.join(codes)}"
        for name, codes in results.unbillable.items()
    ]
    if rejects.reasons:
        notices.append(f"{len(rejects.reasons)} rows were skipped")
    return notices + [f"skipped {reason}" for reason in rejects.reasons]


def _as_json(results: Results, rejects: Rejects, facts: Mapping[str, str]) -> dict[str, object]:
    return {
        **facts,
        "tables": [table.as_json() for table in results.tables],
        INT8_AGAINST_FP32: [table.as_json() for table in results.fidelity],
        "curves": {
            title: {system: curve.as_json() for system, curve in curves.items()}
            for title, curves in results.curves.items()
        },
        "gold_codes_not_billable": results.unbillable,
        "rows_skipped": rejects.reasons,
    }


def _write_plots(folder: Path, results: Results) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for title, curves in results.curves.items():
        kind = title.rpartition(": ")[2]
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        drawn = svg(title, _AXES[kind], curves, diagonal=kind == "reliability")
        (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")
