"""The command that fits how candidates are ranked and how sure codes are, and chooses the thresholds of a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from bertillon_models import options
from bertillon_models.confidence_fit import choose_threshold, crossed, fit, fit_habits
from bertillon_models.corpus import CorpusNote, read_corpus
from bertillon_models.evaluation.assertion_sets import examples_of
from bertillon_models.evaluation.assertions import judged_by_rules, read_examples
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase, cases_of
from bertillon_models.evaluation.note_sets import Profile, comparable, read_notes
from bertillon_models.evaluation.rows import DataError
from bertillon_models.fusion_fit import fit_fusion
from bertillon_models.mention_lines import read_mention_lines
from bertillon_models.ranking_fit import contests, fit_ranking
from bertillon_models.splits import Split, fragment_split, note_split
from bertillon_server.coding.confidence import Calibration
from bertillon_server.coding.fusion import Fusion
from bertillon_server.coding.heads import ASSERTIONS
from bertillon_server.coding.ranking import Ranking
from bertillon_server.coding.vocabulary import Assertion, CodingProfile


@click.command("calibrate")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The bundle whose encoder and terms are to be calibrated.",
)
@click.option(
    "--train", type=click.Path(path_type=Path, exists=True), required=True, help="CodiEsp train, JSON lines."
)
@options.corpus
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write calibration.json."
)
def calibrate_command(bundle: Path, train: Path, corpus: Path, out: Path) -> None:
    """Fit ranking, confidence and thresholds on notes that the encoder was not trained on.

    Ranking and the encounter profile are fitted on the dev part of our own corpus, the profile of all mentions on
    CodiEsp train: what its annotators usually gave for which words, and what that is worth on notes that it was not
    learned on.
    """
    try:
        coder = LocalCoder(bundle)
        notes = [
            note
            for path in sorted(corpus.glob("*.txt"))
            for note in read_corpus(path, coder.billable)
            if note_split(note.fields["note"], note.fields["specialty"]) is Split.DEV
        ]
        lines = [
            line
            for path in sorted((corpus / "mentions").glob("*.txt"))
            for line in read_mention_lines(path, coder.billable)
            if fragment_split(line.text, [code for _, code in line.mentions]) is Split.DEV
        ]
        cases = cases_of(lines) + [
            MentionCase(note.text, annotation.span, frozenset({annotation.code}), alone=False)
            for note in notes
            for annotation in note.annotations
            if annotation.assertion is Assertion.PRESENT
        ]
        fusion = _fusion(coder, notes)
        click.echo(f"fusion: the encoder counts {fusion.power}", err=True)
        ranking = fit_ranking(contests(coder, cases))
        click.echo(f"ranking: {len(ranking)} weights from {len(cases):,} mentions", err=True)
        coder = coder.with_calibration(
            Calibration(coder.knowledge.calibration.profiles, Ranking(ranking), fusion)
        )
        stored: dict[str, object] = {"ranking": ranking, "fusion": fusion.to_json()}
        own = [note.coded() for note in notes]
        gold = sum(len(note.codes) for note in own)
        model = fit(coder, own, Profile.US_OUTPATIENT)
        threshold = choose_threshold(crossed(coder, own, Profile.US_OUTPATIENT), gold)
        stored[CodingProfile.ENCOUNTER.name] = {"weights": dict(model.weights), "threshold": threshold}
        click.echo(
            f"encounter: threshold {threshold}, {len(model.weights)} weights, {len(own)} notes", err=True
        )
        habits = fit_habits(coder, comparable(list(read_notes(train)), Profile.CODIESP), Profile.CODIESP)
        stored[CodingProfile.ALL_MENTIONS.name] = {
            "weights": dict(habits.model.weights),
            "threshold": habits.threshold,
        }
        stored["usage"] = habits.usage.to_json()
        click.echo(
            f"all mentions: threshold {habits.threshold}, {len(habits.model.weights)} weights, "
            f"usage of {len(habits.usage):,} phrases",
            err=True,
        )
    except DataError as error:
        raise click.ClickException(str(error)) from None
    out.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _fusion(coder: LocalCoder, notes: list[CorpusNote]) -> Fusion:
    examples = list(examples_of(notes))
    by_rules = judged_by_rules(examples)
    rows = [
        (ASSERTIONS.index(judgement.assertion), read.assertion, ASSERTIONS.index(Assertion[example.gold]))
        for example, judgement, read in zip(examples, by_rules, read_examples(coder, examples), strict=True)
        if read is not None
    ]
    rules, chances, gold = zip(*rows, strict=True)
    return fit_fusion(rules, np.array(chances), gold)
