"""Fragments: what is left is the text, and a line that cannot be used is named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_models.evaluation.rows import DataError, Rejects
from bertillon_models.mention_lines import read_mention_line, read_mention_lines
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion

BILLABLE = frozenset({"I10", "E11.9", "R05.9"})
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="{}|\n\r"), min_size=1).filter(
    lambda words: bool(words.strip())
)


def written(folder: Path, text: str) -> Path:
    path = folder / "fragments.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_mentions_give_way_to_their_words_and_keep_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, "# hearts\n\n{{HTN|I10}} up, {{ T2DM | E11.9 }} fine\n")
    (line,) = read_mention_lines(path, BILLABLE)
    assert line.text == "HTN up, T2DM fine"
    assert [(span.of(line.text), code) for span, code in line.mentions] == [("HTN", "I10"), ("T2DM", "E11.9")]
    assert line.number == 3


def test_a_mention_is_present_unless_it_says_otherwise() -> None:
    marked = "{{cough|R05.9}}, r/o {{DM|E11.9|possible}}, his son has {{HTN| I10 | other }}"
    line = read_mention_line(marked, "here", BILLABLE)
    assert line.text == "cough, r/o DM, his son has HTN"
    assert line.assertions == (Assertion.PRESENT, Assertion.POSSIBLE, Assertion.OTHER_PERSON)


@given(pieces=st.lists(st.tuples(WORDS, WORDS, st.sampled_from(sorted(BILLABLE))), min_size=1, max_size=4))
def test_every_span_points_at_its_words(pieces: list[tuple[str, str, str]]) -> None:
    marked = "".join(f"{before}{{{{{words}|{code}}}}}" for before, words, code in pieces)
    line = read_mention_line(marked, "here", BILLABLE)
    assert [(span.of(line.text), code) for span, code in line.mentions] == [
        (words.strip(), code) for _, words, code in pieces
    ]
    assert line.text == "".join(before + words.strip() for before, words, _ in pieces)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("no mention at all", "one or more"),
        ("{{HTN|I10} up", "each closed"),
        ("{{HTN}} up", "each closed"),
        ("{{HTN|I10|perhaps}} up", "perhaps is no assertion"),
        ("{{HTN|I10|present|y}} up", "each closed"),
        ("{{HTN|I10}} and {{cough|R05.9", "each closed"),
        ("{{HTN|I10}} and }} more", "each closed"),
        ("{{ |I10}} up", "no words"),
        ("{{HTN|I99.999}} up", "I99.999 is not billable"),
        ("{{HTN|E11}} up", "E11 is not billable"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, bad: str, reason: str) -> None:
    path = written(tmp_path, f"# first\n{{{{HTN|I10}}}}\n{bad}\n")
    with pytest.raises(DataError, match=rf"fragments\.txt, line 3: .*{reason}"):
        list(read_mention_lines(path, BILLABLE))


def test_bad_lines_are_skipped_when_asked_for_and_every_one_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "nothing\n{{HTN|I10}}\n{{x|Y}}\n")
    rejects = Rejects(skip=True)
    assert [line.number for line in read_mention_lines(path, BILLABLE, rejects)] == [2]
    assert [reason.split(": ")[0].rpartition(", ")[2] for reason in rejects.reasons] == ["line 1", "line 3"]


def test_lines_are_numbered_as_editors_number_them(tmp_path: Path) -> None:
    path = written(tmp_path, "{{HTN|I10}} up\u2028down\x0b\x0c\x85again\r\n{{cough|R05.9}}\n")
    assert [line.number for line in read_mention_lines(path, BILLABLE)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"{{HTN|I10}} \xff\n", "not UTF-8"), (None, "No such file")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "fragments.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"fragments\.txt: {reason}"):
        list(read_mention_lines(path, BILLABLE))


def test_a_line_is_compared_by_what_it_says_and_shown_without_its_text() -> None:
    line = read_mention_line("{{HTN|I10}} up", "here", BILLABLE)
    assert line.mentions == ((Span(0, 3), "I10"),)
    assert "up" not in repr(line)
