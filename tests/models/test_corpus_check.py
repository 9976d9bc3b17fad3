"""The check of the corpus: each error and doubt, caused by a text of a line or two, and the command over a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pytest
from click.testing import CliRunner, Result

from bertillon_models import corpus_check
from bertillon_models.corpus import CorpusNote, read_corpus
from bertillon_models.corpus_check import NEARLY_ONE, Findings, check_corpus, check_lines, check_notes
from bertillon_models.mention_lines import read_mention_line
from bertillon_server.coding.assertion import AssertionRules

TITLES = {
    "I10": "Essential (primary) hypertension",
    "R05.9": "Cough, unspecified",
    "M25.561": "Pain in right knee",
    "M25.562": "Pain in left knee",
    "M25.569": "Pain in unspecified knee",
    "M17.0": "Bilateral primary osteoarthritis of knee",
    "Z80.3": "Family history of malignant neoplasm of breast",
}
FIELDS = "specialty: family medicine | type: progress note | setting: outpatient"
# Words of which no five in a row are in two notes.
OTHER_WORDS = "seen today with a daughter who keeps a log of readings at home and feels well otherwise"


RULES = AssertionRules()


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the rules once: a fifth of a second, which is most of the time of a test here."""
    monkeypatch.setattr(corpus_check, "AssertionRules", lambda: RULES)


def notes(folder: Path, *texts: str, names: tuple[str, ...] = ()) -> list[tuple[str, CorpusNote]]:
    """Read a file of notes, by default named n-1, n-2, ..."""
    path = folder / "notes.txt"
    path.write_text(
        "".join(
            f"=== note: {names[number] if names else f'n-{number + 1}'} | {FIELDS}\n{text}\n"
            for number, text in enumerate(texts)
        ),
        encoding="utf-8",
    )
    return [(path.name, note) for note in read_corpus(path, TITLES)]


def found_in(folder: Path, *texts: str) -> Findings:
    return check_notes(notes(folder, *texts), TITLES)


def found_in_lines(*lines: str) -> Findings:
    read = [(f"line {number}", read_mention_line(line, "here", TITLES)) for number, line in enumerate(lines)]
    return check_lines(read, TITLES)


def test_a_note_in_order_has_no_findings(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        "HPI:\nDenies {{cough|R05.9|negated|n:negated}}.\n\nA/P:\n1. {{HTN|I10|present|y}}\n"
        "2. {{left knee pain|M25.562|present|y}}\n3. {{knee pain|M25.561|present|n:mentioned}}",
    )
    assert found == Findings([], [])


def test_a_note_id_twice_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    first, second = notes(
        tmp_path, "A/P:\n{{HTN|I10|present|y}}", f"{OTHER_WORDS} {{{{HTN|I10|present|y}}}}", names=("a", "a")
    )
    found = check_notes([("one.txt", first[1]), ("two.txt", second[1])], TITLES)
    assert found.errors == ["two.txt: note a is also at one.txt"]


def test_a_note_with_most_words_of_another_is_an_error_and_names_it(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        f"{{{{HTN|I10|present|y}}}} {OTHER_WORDS}.",
        f"{{{{cough|R05.9|present|y}}}} {OTHER_WORDS.upper()}!",
        "{{HTN|I10|present|y}}, refills sent, labs in a month.",
    )
    assert found.errors == ["notes.txt: note n-2 is nearly note n-1"]


@pytest.mark.parametrize(("shared", "near"), [(5, True), (4, False)])
def test_notes_are_nearly_one_from_half_of_their_runs_of_words_on(
    tmp_path: Path, shared: int, *, near: bool
) -> None:
    # Ten runs of five words each, of which the first `shared` are the same.
    common = [f"same{number}" for number in range(shared + 4)]
    one, other = (
        " ".join([*common, *(f"{name}{number}" for number in range(14 - len(common)))]) for name in "ab"
    )
    assert shared / 10 == NEARLY_ONE or not near
    assert bool(found_in(tmp_path, one, other).errors) == near


def test_a_short_note_within_a_long_one_is_nearly_the_long_one(tmp_path: Path) -> None:
    long = f"{OTHER_WORDS} and has {' '.join(f'more{number}' for number in range(60))}"
    assert found_in(tmp_path, long, OTHER_WORDS).errors == ["notes.txt: note n-2 is nearly note n-1"]


@pytest.mark.parametrize(
    ("mention", "doubt"),
    [
        ("{{left knee pain|M25.561|present|y}}", "M25.561 is right, the words say left"),
        ("{{bilateral knee pain|M25.562|present|y}}", "M25.562 is left, the words say bilateral"),
        ("{{right knee pain|M25.561|present|y}}", ""),
        ("{{R knee pain|M25.561|present|y}}", ""),
        ("{{left knee pain|M25.569|present|y}}", ""),
        ("{{knee pain|M25.561|present|y}}", ""),
        # Either knee may be meant by words about one of two.
        ("{{OA right knee|M17.0|present|y}}", ""),
    ],
)
def test_a_side_that_the_words_contradict_is_a_doubt(tmp_path: Path, mention: str, doubt: str) -> None:
    of_note = found_in(tmp_path, f"A/P:\n1. {mention}")
    of_line = found_in_lines(mention.replace("|present|y", ""))
    assert of_note.doubts == ([f"notes.txt: n-1: {doubt}"] if doubt else [])
    assert of_line.doubts == ([f"line 0: {doubt}"] if doubt else [])


@pytest.mark.parametrize(
    ("body", "assertion"),
    [
        ("Denies {{cough|R05.9|negated|y}}.", "negated"),
        ("Return if {{cough|R05.9|hypothetical|y}}.", "hypothetical"),
        ("Mother has {{HTN|I10|family|y}}.", "family"),
    ],
)
def test_what_is_not_the_patients_and_coded_is_a_doubt(tmp_path: Path, body: str, assertion: str) -> None:
    code = "I10" if "I10" in body else "R05.9"
    assert f"notes.txt: n-1: {code} is {assertion} and coded" in found_in(tmp_path, f"HPI:\n{body}").doubts
    uncoded = body.replace("|y}}", "|n:other}}")
    assert not any("coded" in doubt for doubt in found_in(tmp_path, f"HPI:\n{uncoded}").doubts)


def test_a_family_history_may_be_coded_as_one(tmp_path: Path) -> None:
    body = "A/P:\n1. {{Family history of breast cancer|Z80.3|family|y}}"
    assert not any("coded" in doubt for doubt in found_in(tmp_path, body).doubts)


@pytest.mark.parametrize(
    ("body", "doubt"),
    [
        ("Denies {{cough|R05.9|present|y}}.", "R05.9 is present, by the rules negated"),
        ("Has {{cough|R05.9|negated|n:negated}}.", "R05.9 is negated, by the rules present"),
        ("Possible {{cough|R05.9|possible|n:possible}}.", ""),
    ],
)
def test_an_assertion_that_the_rules_read_otherwise_is_a_doubt(tmp_path: Path, body: str, doubt: str) -> None:
    assert found_in(tmp_path, f"HPI:\n{body}").doubts == ([f"notes.txt: n-1: {doubt}"] if doubt else [])


def test_fragments_of_the_same_words_are_an_error_even_where_codes_differ() -> None:
    found = found_in_lines("{{HTN|I10}} up", "{{cough|R05.9}} up", "{{HTN|R05.9}} up")
    assert found.errors == ["line 2: the same words as at line 0"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one file of notes and one of fragments, judged by the few codes above."""

    class Table:
        codes = tuple(TITLES)
        billable = (True,) * len(TITLES)

        @staticmethod
        def title(code: str) -> str:
            return TITLES[code]

    class Packaged:
        @classmethod
        def open(cls) -> Packaged:
            return cls()

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None: ...

        @staticmethod
        def code_table(system: str, release: str) -> type[Table]:
            del system, release
            return Table

    monkeypatch.setattr("bertillon_models.code_set.Catalog", Packaged)
    (tmp_path / "mentions").mkdir()
    (tmp_path / "mentions" / "m.txt").write_text("# hearts\n{{HTN|I10}} up\n", encoding="utf-8")
    notes(tmp_path, "A/P:\n1. {{HTN|I10|present|y}}\n2. {{left knee pain|M25.561|present|n:mentioned}}")
    return tmp_path


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(check_corpus, [str(folder), *options])


def counted(output: str, what: str) -> str:
    cells = ([cell.strip() for cell in line.split("│")] for line in output.splitlines())
    return next(cell[2] for cell in cells if len(cell) > 2 and cell[1] == what)


def test_the_command_counts_and_lists_doubts_when_asked(corpus: Path) -> None:
    plain, listed = run(corpus), run(corpus, "--doubts")
    assert plain.exit_code == listed.exit_code == 0, plain.output
    for what, count in {
        "notes": "1",
        "specialties": "1",
        "note types": "1",
        "inpatient notes": "0",
        "annotated mentions": "2",
        "fragments": "1",
        "distinct codes in all": "2",
        "present mentions": "2",
        "negated mentions": "0",
    }.items():
        assert counted(plain.output, what) == count
    assert "0 errors, 1 doubts" in plain.output
    assert "the words say" not in plain.output
    assert "notes.txt: n-1: M25.561 is right, the words say left" in listed.output


def test_the_command_fails_when_there_is_an_error_and_says_at_which_line(corpus: Path) -> None:
    (corpus / "mentions" / "n.txt").write_text("# more\n\n{{HTN|I10}} up\n", encoding="utf-8")
    result = run(corpus)
    assert result.exit_code == 1
    assert "n.txt, line 3: the same words as at m.txt, line 2" in result.output
    assert "1 errors" in result.output


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "b.txt",
            b"=== note: x | specialty: y\n{{HTN|I99|present|y}}\n",
            "b.txt, line 1: I99 is not billable",
        ),
        ("b.txt", b"=== note: x | type: y\nHTN\n", "b.txt, line 1: a note has an id and a specialty"),
        ("b.txt", b"=== note: | specialty: y\nHTN\n", "b.txt, line 1: a note has an id and a specialty"),
        ("b.txt", b"=== note: x | specialty: y\n{{ |I10|present|y}}\n", "line 1: a mention has no words"),
        ("b.txt", b"no note\n", "no line begins with"),
        ("b.txt", b"=== note: \xff | specialty: y\n", "b.txt: not UTF-8"),
        ("mentions/b.txt", b"{{HTN|I10}} up\nwords\n", "b.txt, line 2: a line has one or more"),
    ],
)
def test_a_file_that_does_not_read_is_named_without_a_trace(
    corpus: Path, name: str, content: bytes, reason: str
) -> None:
    (corpus / name).write_bytes(content)
    result = run(corpus)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert reason in result.output


def test_a_note_without_a_type_is_counted_all_the_same(corpus: Path) -> None:
    (corpus / "b.txt").write_text("=== note: x | specialty: y\n{{cough|R05.9|present|y}}\n", encoding="utf-8")
    result = run(corpus)
    assert result.exit_code == 0, result.output
    assert counted(result.output, "note types") == "1"
