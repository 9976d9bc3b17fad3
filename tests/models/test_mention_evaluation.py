"""Scores of the linker alone, against figures worked out by hand; and what is read for them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bertillon_models.evaluation.bm25 import Bm25
from bertillon_models.evaluation.corpus_parts import CorpusParts, Part, Training, surface
from bertillon_models.evaluation.floor import DictionaryFloor
from bertillon_models.evaluation.local import LocalCoder
from bertillon_models.evaluation.mention_sets import MentionCase, cases_of, read_mentions
from bertillon_models.evaluation.mentions import (
    Linked,
    Ranking,
    groups_of,
    link,
    mentions_table,
)
from bertillon_models.evaluation.quantisation import mentions_fidelity
from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.mention_lines import read_mention_lines
from bertillon_models.splits import code_is_held_out
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.spans import Span
from small_coder import small_coder
from small_knowledge import PHRASE


@pytest.fixture(scope="module")
def coder() -> Iterator[LocalCoder]:
    with Catalog.open() as catalog:
        yield small_coder(catalog)


def case(mention: str, *codes: str, context: str | None = None) -> MentionCase:
    text = context or mention
    start = text.index(mention)
    return MentionCase(text, Span(start, start + len(mention)), frozenset(codes), alone=context is None)


CASES = [case("CHF", "I50.9"), case("DM2", "E11.9"), case("cough", "R05.9")]
RANKING = Ranking("s", (("I50.9", "I50.1"), ("E11.65", "E11.9"), ()))


def test_recall_counts_mentions_with_a_right_code_among_the_first() -> None:
    rows = mentions_table("set", CASES, [RANKING], {"seen": [True, False, False]}, seed=0).rows
    names = ["exact R@1", "exact R@5", "category R@1", "category R@50", "seen: exact R@1"]
    assert [round(rows[name]["s"].value, 4) for name in names] == [0.3333, 0.6667, 0.6667, 0.6667, 1.0]
    assert rows["seen: mentions"]["s"].value == 1
    with pytest.raises(ValueError, match="no mentions"):
        mentions_table("set", [], [], {}, seed=0)


def test_a_bundle_ranks_what_terms_mean_and_what_is_near(coder: LocalCoder) -> None:
    cases = [
        case("HTN", "I10", context="Cont lisinopril for HTN, at goal"),
        case("knee pain", "M25.561", context="right knee pain x 2 wks"),
        case(PHRASE, "E11.9"),
        case("?", "R05.9"),
    ]
    linked = link(coder, cases)
    assert [codes[:1] for codes in linked.full.codes] == [("I10",), ("M25.561",), ("E11.9",), ()]
    assert [codes[:1] for codes in linked.nearest.codes] == [(), (), ("E11.9",), ()]
    assert linked.full.system == "small/1"
    assert linked.vectors[2] is not None
    assert linked.vectors[3] is None


def test_a_term_that_is_only_a_part_of_the_mention_still_proposes_its_codes(coder: LocalCoder) -> None:
    linked = link(coder, [case("horrid chest pain", "R07.9", context="Here for horrid chest pain today")])
    assert linked.full.codes[0][0] == "R07.9"


def test_seen_and_unseen_are_told_by_terms_and_training(coder: LocalCoder) -> None:
    cases = [case("HTN", "I10"), case("sugars", "E11.9"), case("odd words", "R05.9")]
    training = Training(Counter({"E11.9": 2}), frozenset({surface("sugar")}))
    groups = groups_of(cases, coder.knowledge, training)
    assert groups["seen form"] == [True, True, False]
    assert groups["seen code"] == [False, True, False]
    assert groups["unseen code"] == [True, False, True]
    assert set(groups_of(cases, coder.knowledge, None)) == {"seen form", "unseen form"}


def test_int8_is_compared_with_fp32_on_the_same_mentions() -> None:
    def linked(codes: tuple[tuple[str, ...], ...], vectors: list[list[float] | None]) -> Linked:
        arrays = tuple(None if v is None else np.array(v, np.float32) for v in vectors)
        return Linked(Ranking("s", codes), Ranking("n", codes), arrays)

    ours = linked((("I50.1",), ("E11.9",), ()), [[1.0, 0.0], [1.0, 0.0], None])
    theirs = linked((("I50.9",), ("E11.9",), ()), [[1.0, 0.0], [0.6, 0.8], None])
    rows = mentions_fidelity("set", CASES, ours, theirs, seed=0).rows
    shown = {name: round(row["int8 against fp32"].value, 4) for name, row in rows.items()}
    assert shown == {
        "R@1 int8": 0.3333,
        "R@1 fp32": 0.6667,
        "drop in R@1": 0.3333,
        "top-1 agreement": 0.6667,
        "mean cosine": 0.8,
    }


def test_an_encoder_that_does_not_fit_is_refused(coder: LocalCoder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow:
        width = 3

        def __init__(self, path: Path) -> None:
            pass

    monkeypatch.setattr("bertillon_models.evaluation.local.Encoder", Narrow)
    with pytest.raises(ValueError, match="rows of 3 numbers"):
        coder.with_encoder(Path("fp32.onnx"))


def test_bm25_ranks_by_rare_words_and_takes_the_leaf_of_a_parent(tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    rows = [
        "term\tcode\tsource",
        "Heart failure\tI50\ttitle",
        "Hypertensive heart disease\tI11.9\ttitle",
        "Liver failure\tK72.90\tinclusionTerm",
        "Heart poison\tT39.011A\tdrug_table",
    ]
    terms.write_text("\n".join(rows), encoding="utf-8")
    bm25 = Bm25(terms, DictionaryFloor(terms, {"I50.9", "I50.1", "I11.9", "K72.90", "T39.011A"}))
    assert bm25.codes("heart failures", 5)[0] == "I50.9"
    assert set(bm25.codes("heart failures", 5)) == {"I50.9", "I11.9", "K72.90"}
    assert bm25.codes("hypertensive", 5) == ["I11.9"]
    assert bm25.codes("cough", 5) == []
    assert len(bm25.codes("heart failure", 1)) == 1


def test_mentions_are_read_alone_or_where_they_stand_in_their_context(tmp_path: Path) -> None:
    path = tmp_path / "mentions.jsonl"
    path.write_text(
        '{"mention": "CHF", "codes": ["I50.9"]}\n'
        '{"mention": "DM", "context": "DM, not DM", "start": 8, "end": 10, "codes": ["E11.9"]}\n'
        '{"mention": "DM", "context": "a DM", "codes": ["E11.9", "E11.65"]}\n',
        encoding="utf-8",
    )
    alone, second, found = read_mentions(path, Rejects())
    assert (alone.alone, alone.mention) == (True, "CHF")
    assert (second.alone, second.span) == (False, Span(8, 10))
    assert (found.span, found.codes) == (Span(2, 4), frozenset({"E11.9", "E11.65"}))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"codes": ["I10"]}', "mention must be a string"),
        ('{"mention": "secret", "codes": []}', "not be empty"),
        ('{"mention": "secret", "codes": ["I10"], "context": 5}', "context must be"),
        ('{"mention": "secret", "codes": ["I10"], "context": "other"}', "not in its context"),
        ('{"mention": "secret", "codes": ["I10"], "context": "a secret", "start": 0, "end": 6}', "point at"),
        ('{"mention": "secret", "codes": ["I10"], "context": "a secret", "start": 2}', "point at"),
    ],
)
def test_a_bad_mention_is_named_without_its_text(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "mentions.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=reason) as refused:
        list(read_mentions(path, Rejects()))
    assert "line 1" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_short_mentions_are_read_line_by_line_and_bad_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    path.write_text(
        "# comment\n\n{{HTN|I10}} and {{cough|R05.9}} today\nno mention\n{{x|Q}}\n", encoding="utf-8"
    )
    rejects = Rejects(skip=True)
    (line,) = read_mention_lines(path, {"I10", "R05.9"}, rejects)
    assert line.text == "HTN and cough today"
    assert [(case.mention, case.codes) for case in cases_of([line])] == [
        ("HTN", frozenset({"I10"})),
        ("cough", frozenset({"R05.9"})),
    ]
    assert [reason.partition(", ")[2] for reason in rejects.reasons] == [
        "line 4: a line has one or more {{words|code}}, each closed",
        "line 5: Q is not billable in this release",
    ]


def test_a_corpus_is_cut_into_parts_and_training_leaves_held_out_codes_out(tmp_path: Path) -> None:
    held_out = next(
        f"{letter}{n:02}.9" for letter in "EIJK" for n in range(99) if code_is_held_out(f"{letter}{n:02}.9")
    )
    assert not code_is_held_out("I10")
    note = (
        "=== note: {id} | specialty: {specialty} | setting: outpatient\nA/P:\n1. {{{{HTN|I10|present|y}}}}\n"
    )
    notes = [note.format(id=f"n-{number}", specialty="cardiology") for number in range(40)]
    notes.append(note.format(id="u-1", specialty="urology"))
    notes.append(
        f"=== note: h-1 | specialty: urology | setting: outpatient\n1. {{{{odd|{held_out}|present|y}}}}\n"
    )
    (tmp_path / "a.txt").write_text("\n".join(notes), encoding="utf-8")
    (tmp_path / "mentions").mkdir()
    lines = [f"day {number} of {{{{high pressure|I10}}}}" for number in range(40)]
    (tmp_path / "mentions" / "m.txt").write_text(
        "\n".join([*lines, f"{{{{odd|{held_out}}}}}"]), encoding="utf-8"
    )
    parts = CorpusParts(tmp_path, Rejects())
    counts = {part.value: (len(parts.notes(part)), len(parts.lines(part))) for part in Part}
    assert counts["specialty"] == (2, 0)
    assert counts["code"] == (1, 1)
    assert counts["all"] == (42, 41)
    assert counts["dev"][0] + counts["train"][0] == 40
    assert counts["dev"][1] + counts["train"][1] == 40
    training = parts.training()
    assert training.codes == {"I10": counts["train"][0] + counts["train"][1]}
    assert training.surfaces == {surface("HTN"), surface("high pressure")}
