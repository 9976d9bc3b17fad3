from __future__ import annotations

import json
import pickle
import random
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from benchmarks.cli import cli
from benchmarks.notes import (
    GivenNote,
    NotesError,
    Unrepeated,
    copied_forward,
    notes_of,
    own_notes,
    sections_of,
    unrepeated,
    variations,
)
from benchmarks.scenario import Bench
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

NOTES = own_notes()
GIVEN = [GivenNote(text) for text in NOTES]
# What no message about a file may tell.
SECRET = "Zebulon"


def sentences(text: str) -> list[str]:
    """Return what is long enough to be told from what others write."""
    return [line for line in text.splitlines() if len(line.split()) > 3 and not line.endswith(":")]


def test_variations_follow_from_the_seed() -> None:
    one = list(islice(variations(NOTES, seed=1), 100))
    assert one == list(islice(variations(NOTES, seed=1), 100))
    assert one != list(islice(variations(NOTES, seed=2), 100))


def test_no_line_comes_twice_however_often_the_notes_have_been_gone_through() -> None:
    few = ["Complains of cough for 3 days.\nNo fever today at all.", "ASSESSMENT:\nStable on the same dose."]
    lines = [line for text in islice(variations(few, seed=1), 300) for line in sentences(text)]
    assert len(lines) > 300
    assert len(set(lines)) == len(lines)


def test_the_first_time_a_text_stays_as_it_is_and_headers_always_do() -> None:
    text = "ASSESSMENT:\nStable on the same dose.\nPLAN:\nReturn in 12 weeks for labs."
    changed = Unrepeated(random.Random(1))
    assert changed.text(text) == text
    again = changed.text(text).splitlines()
    assert [again[0], again[2]] == ["ASSESSMENT:", "PLAN:"]
    assert again[1].startswith("Stable on the same dose at ")
    assert again[3].startswith("Return in 1")


def test_a_note_made_over_keeps_its_length_nearly() -> None:
    texts = list(islice(unrepeated(NOTES[-1:], seed=1), 20))
    assert len(set(texts)) == 20
    assert max(map(len, texts)) < 1.25 * len(NOTES[-1])


@pytest.mark.parametrize("notes", [NOTES, GIVEN], ids=["made up", "given"])
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_as_much_is_copied_forward_as_was_asked_for(notes: list[str], share: float) -> None:
    seen: set[str] = set()
    copied = written = 0
    for text in islice(copied_forward(notes, seed=1, share=share), 400):
        for part in sections_of(text):
            written += len(part)
            copied += len(part) * (part in seen)
            seen.add(part)
    assert copied / written == pytest.approx(share, abs=0.03)


def test_notes_are_read_without_their_annotations(tmp_path: Path) -> None:
    annotated = tmp_path / "notes.txt"
    annotated.write_text(
        "=== note: a | x: y\nNo {{pain|R52|negated|n:negated}}.\n\n=== note: b | x: y\nGout\n"
    )
    assert notes_of(annotated) == ["No pain.", "Gout"]
    lines = tmp_path / "notes.jsonl"
    lines.write_text('{"text": "Gout"}\n\n{"text": " "}\n')
    assert notes_of(lines) == ["Gout"]
    assert len(NOTES) > 1


def test_notes_that_were_given_come_first_as_they_are_and_in_their_order() -> None:
    given_notes = [
        GivenNote(text) for text in ("  CC: cough\r\n\r\nno title here\n", "Gout.", "Gout.", "PLAN:\nrest")
    ]
    texts = variations(given_notes, seed=1)
    assert list(islice(texts, 4)) == given_notes
    assert {type(text) for text in islice(texts, 8)} == {str}


def test_when_given_notes_are_used_up_they_come_again_whole_and_nearly_as_long_with_other_lines() -> None:
    texts = variations(GIVEN, seed=1)
    rounds = [list(islice(texts, len(GIVEN))) for _ in range(3)]
    lines = [line for text in rounds[1] + rounds[2] for line in sentences(text)]
    assert len(set(lines)) == len(lines)
    assert not set(lines) & {line for text in NOTES for line in sentences(text)}
    for later in rounds[1:]:
        lengths = [len(text) / len(note) for text, note in zip(later, NOTES, strict=True)]
        assert sum(lengths) / len(lengths) < 1.06
        assert max(lengths) < 1.25
        assert [re.sub(r"\d| at [\d:]+", "", text) for text in later] == [
            re.sub(r"\d| at [\d:]+", "", note) for note in NOTES
        ]


def test_a_single_note_can_be_given_for_a_hundred_thousand() -> None:
    changed = Unrepeated(random.Random(1))
    for minute in range(24 * 60):
        for second in range(60):
            hour = f"{minute // 60:02}:{minute % 60:02}"
            changed.keep(f"Feels much better now at {hour}:{second:02}")
        changed.keep(f"Feels much better now at {hour}")
    changed.keep("Feels much better now")
    assert changed.text("Feels much better now").startswith("Feels much better now at ")


@given(
    texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1),
    is_ascii=st.booleans(),
    ends=st.booleans(),
)
def test_every_text_of_json_lines_is_a_note_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], *, is_ascii: bool, ends: bool
) -> None:
    path = tmp_path_factory.mktemp("notes") / "notes.NDJSON"
    lines = "\n".join(json.dumps({"text": text}, ensure_ascii=is_ascii) for text in texts)
    path.write_bytes((lines + "\n" * ends).encode())
    assert notes_of(path) == texts


@given(
    lines=st.lists(
        st.one_of(
            st.binary(),
            st.sampled_from(
                [b'{"text": "Zebulon"}', b"[1]", b"null", b'{"text": 3}', b'{"text": "\\ud800"}', b"[" * 9999]
            ),
        )
    ),
    suffix=st.sampled_from(["jsonl", "ndjson", "txt", "json"]),
)
def test_whatever_a_file_holds_it_is_read_or_refused_without_a_word_of_it(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], suffix: str
) -> None:
    path = tmp_path_factory.mktemp("notes") / f"notes.{suffix}"
    path.write_bytes(b"\n".join(lines))
    try:
        texts = notes_of(path)
    except NotesError as error:
        told = str(error).removeprefix(str(path))
        assert re.fullmatch(
            r" holds no note| is no JSON lines by its name: [^\n]+|, line \d+: [ -~]+", told
        ), told
        assert SECRET not in told
    else:
        assert texts
        assert all(text.strip() and text.encode() for text in texts)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"", "a.txt holds no note"),
        ("a.txt", b" \n\n", "a.txt holds no note"),
        ("a.txt", b"Zebulon\nna\xefve", "a.txt, line 2: not UTF-8"),
        ("a.jsonl", b"\n", "a.jsonl holds no note"),
        ("a.jsonl", b'{"text": " "}\n', "a.jsonl holds no note"),
        ("a.jsonl", b'{"text": "Zebulon"}\n\n{"text": "Zebulon', "a.jsonl, line 3: no JSON"),
        (
            "a.jsonl",
            b'{"text": "a\xc2\x85b"}\n{"note": "Zebulon"}',
            "line 2: no object with a `text` that is a string",
        ),
        ("a.ndjson", b'{"text": null}', "line 1: no object with a `text` that is a string"),
        ("a.jsonl", b'["Zebulon"]', "line 1: no object with a `text` that is a string"),
        ("a.jsonl", b'\xef\xbb\xbf{"text": "Zebulon"}\n\xff', "a.jsonl, line 2: not UTF-8"),
        ("a.json", b'[{"text": "Zebulon"}]', "write one note a line and call it .jsonl"),
    ],
)
def test_a_file_of_notes_that_cannot_be_used_is_wrong_usage_told_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    ended = CliRunner().invoke(cli, ["run", "--notes", str(path), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 2
    assert told in ended.output
    assert SECRET not in ended.output
    assert isinstance(ended.exception, SystemExit)
    assert not (tmp_path / "out").exists()


def test_notes_of_several_files_are_offered_by_a_run_as_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    benches: list[Bench] = []

    def run_none(_: object, bench: Bench, *__: object) -> list[dict[str, Any]]:
        benches.append(bench)
        return []

    (tmp_path / "a.txt").write_text("Cough.\nNo title, and short.\n")
    (tmp_path / "b.ndjson").write_text('{"text": "Gout."}\n{"text": "PLAN: rest", "id": 2}\n')
    monkeypatch.setattr("benchmarks.cli.run_scenarios", run_none)
    files = [f"--notes={tmp_path / name}" for name in ("a.txt", "b.ndjson")]
    assert CliRunner().invoke(cli, ["run", *files]).exit_code == 0
    expected = ["Cough.\nNo title, and short.\n", "Gout.", "PLAN: rest"]
    assert list(islice(benches[0].texts(), 3)) == expected
    # As the process with the bulk streams of `mixed` gets them.
    sent = pickle.loads(pickle.dumps(tuple(benches[0].notes)))  # noqa: S301 - written right here
    assert list(islice(variations(sent, seed=1), 3)) == expected


def test_a_mark_of_encoding_is_no_part_of_a_note(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"\xef\xbb\xbfGout\r\nand cough")
    assert notes_of(path) == ["Gout\nand cough"]
