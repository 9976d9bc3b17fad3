"""What is made wrong with a note, the command that scores audits, and the count of what rules are made from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bertillon_models.book_command import book, book_notes
from bertillon_models.corpus import CorpusNote, read_corpus
from bertillon_models.evaluation import audit_command
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.perturbations import Perturbed, Perturber, Wrong
from bertillon_models.splits import Split, note_split
from bertillon_server.audit.book import CodeBook
from bertillon_server.catalog.store import Catalog
from small_coder import small_coder
from small_knowledge import RELEASE, SYSTEM

NOTE_ID = next(f"n-{number}" for number in range(99) if note_split(f"n-{number}", "cardiology") is Split.DEV)
NOTE = f"""=== note: {NOTE_ID} | specialty: cardiology | setting: outpatient | age: 50
HPI: Right sided pain for a week. No {{{{pneumonia|J18.9|negated|n:negated}}}}.
FH: mother {{{{breast cancer|C50.919|family|n:family}}}}.
A/P:
1. {{{{HTN|I10|present|y}}}}
2. {{{{right knee pain|M25.561|present|y}}}}
"""


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    with Catalog.open() as catalog:
        yield catalog


@pytest.fixture
def note(tmp_path: Path) -> CorpusNote:
    (tmp_path / "a.txt").write_text(NOTE, encoding="utf-8")
    (only,) = read_corpus(tmp_path / "a.txt", {"J18.9", "C50.919", "I10", "M25.561"})
    return only


@pytest.fixture
def made(catalog: Catalog, note: CorpusNote) -> dict[Wrong, Perturbed]:
    perturber = Perturber(catalog, CodeBook(catalog, SYSTEM, RELEASE))
    return {item.wrong: item for item in perturber.all(note)}


def test_one_thing_is_made_wrong_in_every_way_that_a_note_allows(
    made: dict[Wrong, Perturbed], note: CorpusNote, catalog: Catalog
) -> None:
    assert set(made) == set(Wrong)
    gold = {"I10", "M25.561"}
    assert set(made[Wrong.MISSED].codes) == gold - {made[Wrong.MISSED].target}
    assert made[Wrong.NEGATED].target == "J18.9"
    assert made[Wrong.FAMILY].target == "C50.919"
    assert made[Wrong.SIDE].target == "M25.562"
    assert (made[Wrong.SPECIFICITY].target, made[Wrong.SPECIFICITY].right) == ("M25.569", "M25.561")
    assert made[Wrong.SIBLING].target[:3] in {code[:3] for code in gold}
    partner = made[Wrong.CONFLICT].target
    assert any(catalog.excludes1(SYSTEM, RELEASE, partner, code) for code in gold)
    assert all(item.text == note.text for wrong, item in made.items() if wrong is not Wrong.QUERY)


def test_a_side_is_taken_out_of_the_whole_text(made: dict[Wrong, Perturbed]) -> None:
    assert "right" not in made[Wrong.QUERY].text.lower()
    assert "knee pain" in made[Wrong.QUERY].text
    assert set(made[Wrong.QUERY].codes) == {"I10", "M25.569"}


def test_what_is_drawn_depends_on_the_note_alone(
    made: dict[Wrong, Perturbed], note: CorpusNote, catalog: Catalog
) -> None:
    again = Perturber(catalog, CodeBook(catalog, SYSTEM, RELEASE)).all(note)
    assert {item.wrong: item for item in again} == made


def test_the_command_scores_each_kind_with_an_interval(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(bundle: Path) -> LocalCoder:
        del bundle
        return small_coder(catalog)

    monkeypatch.setattr(audit_command, "LocalCoder", load)
    (tmp_path / "a.txt").write_text(NOTE, encoding="utf-8")
    arguments = ["--corpus", str(tmp_path), "--bundle", __file__, "--format", "json"]
    ended = CliRunner().invoke(audit_command.evaluate_audit, arguments)
    assert ended.exit_code == 0, ended.output
    rows = {row["figure"]: row for row in json.loads(ended.output)}
    assert rows["conflict: recall"]["value"] == 1
    assert rows["unsupported: negated, family, other side: recall"]["n"] == 3
    assert rows["findings on a clean note: all"]["n"] == 1
    table = CliRunner().invoke(audit_command.evaluate_audit, arguments[:-2])
    assert "audit of 1 notes" in table.output


def test_notes_of_the_book_are_read_or_say_why_not(catalog: Catalog) -> None:
    counts = Counter((note.kind, note.fate) for note in book_notes(catalog, RELEASE))
    assert counts["excludes1", "read"] == 5226
    assert counts["code_first", "read"] == 598
    assert counts["use_additional", "read"] == 1168
    assert counts["excludes1", "prints codes that make no rule"] == 46
    assert {fate for kind, fate in counts if kind == "seventh_character"} == {"read"}
    ended = CliRunner().invoke(book, ["--list"])
    assert ended.exit_code == 0
    assert "F02\tprints codes that make no rule" in ended.output
