"""Files of code systems are taken as a whole, or refused with the file, the line and the rule."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.codes import CatalogError, CodeKind
from bertillon_server.catalog.flags import FlagKind, FlagRow
from bertillon_server.catalog.listing import ListedEntry, Source
from bertillon_server.catalog.publications.custom import read_custom
from bertillon_server.catalog.publications.flag_files import read_flags
from bertillon_server.catalog.publications.hcpcs import read_hcpcs
from bertillon_server.catalog.publications.icd_10_cm import read_icd_10_cm
from bertillon_server.catalog.publications.icd_10_pcs import read_icd_10_pcs, read_tables
from bertillon_server.catalog.publications.lines import Publication, read_publication
from bertillon_server.catalog.publications.refusal import RefusedFileError

PCS_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def file(text: str, name: str = "file.txt") -> Publication:
    return Publication(name, text, Source(name, "0" * 64))


def ordered(number: int, code: str, valid: int, short: str, title: str) -> str:
    return f"{number:05d} {code:7} {valid} {short:60} {title}\n"


def record(code: str, kind: str, title: str, added: str = "", ended: str = "") -> str:
    return f"{code:>5}00010{kind}{title:80}".ljust(268) + f"{added:8}{'':8}{ended:8}".ljust(52) + "\n"


TABLES = """<?xml version="1.0" encoding="utf-8"?><ICD10PCS.tabular><pcsTable>
<axis pos="1"><label code="0">Surgery</label></axis>
<axis pos="2"><label code="X">Toes</label></axis>
<axis pos="3"><label code="1">Bend</label><label code="2">Stretch</label></axis>
<pcsRow>
 <axis pos="4"><label code="0">Great</label><label code="1">Little</label></axis>
 <axis pos="5"><label code="3">Through</label></axis>
 <axis pos="6"><label code="Z">None</label></axis>
 <axis pos="7"><label code="Z">None</label></axis>
</pcsRow>
<pcsRow>
 <axis pos="4"><label code="2">Middle</label></axis>
 <axis pos="5"><label code="4">Around</label></axis>
 <axis pos="6"><label code="J">Peg</label></axis>
 <axis pos="7"><label code="Z">None</label></axis>
</pcsRow></pcsTable></ICD10PCS.tabular>"""


def test_an_order_file_gives_headings_and_the_codes_below_them() -> None:
    text = ordered(1, "0X1", 0, "Toes, Bend", "Surgery, Toes, Bend") + ordered(
        2, "0X103ZZ", 1, "Bend great toe", "Bending of Great Toe, Through"
    )
    heading, code = read_icd_10_pcs(file(text))
    assert (heading.code, heading.kind, heading.billable) == ("0X1", CodeKind.CATEGORY, False)
    assert (code.code, code.title, code.parent, code.billable) == (
        "0X103ZZ",
        "Bending of Great Toe, Through",
        0,
        True,
    )


def test_a_code_file_gives_the_same_codes_without_headings() -> None:
    (code,) = read_icd_10_pcs(file("0X103ZZ Bending of Great Toe, Through\r\n"))
    assert (code.code, code.title, code.parent) == ("0X103ZZ", "Bending of Great Toe, Through", None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0X103Z", "7 characters"),
        ("0X103ZZZ", "7 characters"),
        ("OX103ZZ", "without I and O"),
        ("0X1I3ZZ", "without I and O"),
        ("0x103zz", "without I and O"),
        ("0X1.3ZZ", "without I and O"),
    ],
)
def test_a_procedure_code_of_another_form_refuses_the_file(code: str, reason: str) -> None:
    with pytest.raises(RefusedFileError, match=rf"file\.txt, line 2: .*{reason}"):
        read_icd_10_pcs(file(f"0X103ZZ Bending\n{code} Bending again\n"))


@given(st.text(PCS_LETTERS, min_size=7, max_size=7))
def test_any_seven_characters_of_the_alphabet_are_taken_without_tables(code: str) -> None:
    assert [entry.code for entry in read_icd_10_pcs(file(f"{code} Some title"))] == [code]


@given(st.text(PCS_LETTERS, min_size=4, max_size=4), st.sampled_from(["0X1", "0X2", "0X3"]))
def test_tables_take_a_code_exactly_when_one_row_allows_its_values_together(axes: str, table: str) -> None:
    code = table + axes
    allowed = table != "0X3" and axes in {"03ZZ", "13ZZ", "24JZ"}
    if allowed:
        assert read_icd_10_pcs(file(f"{code} Title"), file(TABLES))
    else:
        with pytest.raises(RefusedFileError, match="line 1: the tables have no"):
            read_icd_10_pcs(file(f"{code} Title"), file(TABLES))


@pytest.mark.parametrize("code", ["0X103ZZ", "0X213ZZ", "0X224JZ"])
def test_codes_that_the_tables_allow_are_taken(code: str) -> None:
    assert read_icd_10_pcs(file(f"{code} Title"), file(TABLES))


@pytest.mark.parametrize("code", ["0X104ZZ", "0X123ZZ", "0X223JZ"])
def test_values_of_two_rows_make_no_code(code: str) -> None:
    with pytest.raises(RefusedFileError, match="no row that allows these values together"):
        read_icd_10_pcs(file(f"{code} Title"), file(TABLES))


def test_tables_that_are_no_tables_are_refused() -> None:
    for text, reason in (
        ("<a>", "not well-formed"),
        ("<a/>", "no tables"),
        ("<!ENTITY x>", "defines entities"),
    ):
        with pytest.raises(RefusedFileError, match=reason):
            read_tables(file(text))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("0X103ZZ Again\n", "listed twice"),
        ("0X113ZZ\n", "title is missing"),
        ("0X113ZZ \x07bell\n", "control character"),
    ],
)
def test_a_bad_line_is_named_with_its_number(second: str, reason: str) -> None:
    with pytest.raises(RefusedFileError, match=f"line 3: .*{reason}"):
        read_icd_10_pcs(file(f"0X103ZZ Bending\n\n{second}"))


def test_a_line_that_leaves_the_form_of_an_order_file_is_refused() -> None:
    with pytest.raises(RefusedFileError, match="line 2: the line has not the columns"):
        read_icd_10_pcs(file(ordered(1, "0X1", 0, "Bend", "Bend") + "0X103ZZ Bending\n"))


def test_a_file_without_codes_is_refused() -> None:
    for read in (read_icd_10_pcs, read_hcpcs, read_custom):
        with pytest.raises(RefusedFileError):
            read(file("\n\n"))


def test_a_fixed_width_file_joins_the_lines_of_a_title_and_keeps_the_dates() -> None:
    text = (
        record("A1", "7", "A modifier for one toe")
        + record("Z0001", "3", "A toe warmer, any", "20200101", "20260331")
        + record("Z0001", "4", "material, each")
        + record("Z0002", "3", "Another")
    )
    modifier, warmer, other = read_hcpcs(file(text))
    assert (modifier.code, modifier.billable) == ("A1", False)
    assert (warmer.title, warmer.billable) == ("A toe warmer, any material, each", True)
    assert (warmer.valid_from, warmer.valid_to) == (dt.date(2020, 1, 1), dt.date(2026, 3, 31))
    assert (other.valid_from, other.valid_to) == (None, None)


@pytest.mark.parametrize(
    "header", ["Code,Description,last_updated", "HCPC,LONG DESCRIPTION,SHORT DESCRIPTION"]
)
def test_a_sheet_is_read_by_the_names_of_its_columns(header: str) -> None:
    modifier, code = read_hcpcs(file(f'{header}\n   A1,"For a toe, one",x\nZ0001,"Warmer, each",x\n'))
    assert (modifier.code, modifier.title, modifier.billable) == ("A1", "For a toe, one", False)
    assert (code.code, code.title, code.billable) == ("Z0001", "Warmer, each", True)


def test_a_sheet_with_a_notice_above_its_header_and_dates_is_read() -> None:
    text = "Some notice\nHCPC,Long Description,ADD DT,TERM DT\nZ0001,Warmer,20200101,3/31/2026\n"
    (code,) = read_hcpcs(file(text))
    assert (code.valid_from, code.valid_to) == (dt.date(2020, 1, 1), dt.date(2026, 3, 31))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Z001,Warmer", "a letter and four digits"),
        ("Z0001", "1 columns and the header has 2"),
        ("Z0001,", "title is missing"),
        ("Z0000,Again", "listed twice"),
        ('Z0001,"Warmer', "quotes"),
    ],
)
def test_a_bad_row_of_a_sheet_refuses_it(row: str, reason: str) -> None:
    with pytest.raises(RefusedFileError, match=f"line 3: .*{reason}"):
        read_hcpcs(file(f"Code,Description\nZ0000,First\n{row}\n"))


def test_a_record_that_goes_on_with_another_code_is_refused() -> None:
    with pytest.raises(RefusedFileError, match="line 2: column 11"):
        read_hcpcs(file(record("Z0001", "3", "A toe") + record("Z0002", "4", "warmer")))


def test_a_custom_set_has_terms_dates_and_codes_that_are_not_billable() -> None:
    text = (
        "\ufeffcode,title,terms,billable,valid_from,valid_to\n"
        "T-100,Fit a toe ring,ring fitting|toe ring,,2026-01-01,\n"
        'T-200,"Engrave, once",,no,,2026-12-31\n'
    ).removeprefix("\ufeff")
    ring, engraving = read_custom(file(text))
    assert [note.text for note in ring.notes] == ["ring fitting", "toe ring"]
    assert (ring.billable, ring.valid_from, ring.valid_to) == (True, dt.date(2026, 1, 1), None)
    assert (engraving.title, engraving.billable) == ("Engrave, once", False)


SECRET = "Zxqv licensed descriptor"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"t100,{SECRET},,,,", "capital letters"),
        (f"T 100,{SECRET},,,,", "capital letters"),
        (f"{'T' * 17},{SECRET},,,,", "at most 16"),
        (f",{SECRET},,,,", "capital letters"),
        (f"T100,{SECRET},,maybe,,", "neither yes nor no"),
        (f"T100,{SECRET},,,2026-13-01,", "first date is no date"),
        (f"T100,{SECRET},,,2026-02-01,2026-01-01", "before the first"),
        (f"T100,{SECRET},,,", "5 columns and the header has 6"),
        (f"T000,{SECRET},,,,", "listed twice"),
        (f"T.000,{SECRET},,,,", "listed twice"),
        (f'T100,"{SECRET},,,,', "quotes"),
        (f"T100,{SECRET}\x00,,,,", "control character"),
        (f"T100,{SECRET * 400},,,,", "longer than"),
        ("T100,,,,,", "title is missing"),
    ],
)
def test_a_bad_row_refuses_a_custom_set_and_nothing_of_it_is_repeated(row: str, reason: str) -> None:
    text = f"code,title,terms,billable,valid_from,valid_to\nT000,{SECRET},,,,\n{row}\n"
    with pytest.raises(RefusedFileError, match=rf"^cpt\.csv, line 3: .*{reason}") as caught:
        read_custom(file(text, "cpt.csv"))
    assert "Zxqv" not in str(caught.value)
    assert "Zxqv" not in repr(caught.value)


@pytest.mark.parametrize("header", ["code", "title,code,code", "code,title,price", "kode,title"])
def test_a_header_that_is_not_the_documented_one_is_refused(header: str) -> None:
    with pytest.raises(RefusedFileError, match="line 1: the header must name each column once"):
        read_custom(file(f"{header}\nT1,x,y\n"))


@given(st.text(max_size=200), st.sampled_from([read_custom, read_hcpcs, read_icd_10_pcs]))
def test_any_text_is_read_or_refused_and_never_quoted(
    text: str, read: Callable[[Publication], list[ListedEntry]]
) -> None:
    try:
        entries = read(file(text))
    except RefusedFileError as error:
        assert re.match(r"file\.txt(, line \d+)?: \S", str(error))
    else:
        assert all(entry.title and entry.code for entry in entries)


@given(
    st.dictionaries(
        st.from_regex(r"[0-9A-Z]{1,8}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
            lambda title: title.split() and "\ufffd" not in title
        ),
        min_size=1,
        max_size=8,
    )
)
def test_titles_of_a_custom_set_come_through_as_written(titles: dict[str, str]) -> None:
    rows = "".join('{},"{}"\n'.format(code, title.replace('"', '""')) for code, title in titles.items())
    read = read_custom(file(f"code,title\n{rows}"))
    assert {entry.code: entry.title for entry in read} == {
        code: " ".join(title.split()) for code, title in titles.items()
    }


def test_files_are_read_in_utf_8_or_the_windows_encoding_that_cms_uses(tmp_path: Path) -> None:
    for name, content in (("u.txt", "Ménière".encode()), ("w.txt", "Ménière".encode("cp1252"))):
        (tmp_path / name).write_bytes(content)
        assert read_publication(tmp_path / name).text == "Ménière"


def test_archives_and_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "codes.zip").write_bytes(b"PK\x03\x04\x00")
    with pytest.raises(CatalogError, match=r"codes\.zip: it is no text file"):
        read_publication(tmp_path / "codes.zip")
    with pytest.raises(CatalogError, match=r"none\.txt: it cannot be read: No such file"):
        read_publication(tmp_path / "none.txt")


def test_a_release_of_diagnoses_has_the_codes_that_its_list_calls_valid(tabular: bytes) -> None:
    everything = read_icd_10_cm(
        file(tabular.decode()), file("\n".join(sorted(_codes_of(tabular))), "list.txt")
    )
    assert {entry.code for entry in everything if entry.billable} >= {"A01.0X1A", "B00.0"}


def test_a_list_of_another_release_is_refused(tabular: bytes) -> None:
    codes = sorted(_codes_of(tabular))
    with pytest.raises(RefusedFileError, match=r"list\.txt, line 1: the tabular list has no such code"):
        read_icd_10_cm(file(tabular.decode()), file("\n".join(["X99.9", *codes]), "list.txt"))
    with pytest.raises(RefusedFileError, match=r"list\.txt: \d+ codes of the tabular list are not in it"):
        read_icd_10_cm(file(tabular.decode()), file("A00\n", "list.txt"))


def _codes_of(tabular: bytes) -> set[str]:
    from bertillon_server.catalog.tabular import read_tabular  # noqa: PLC0415

    kinds = {CodeKind.CHAPTER, CodeKind.BLOCK}
    return {entry.code for entry in read_tabular(tabular) if entry.kind not in kinds}


def test_hcc_categories_of_the_two_models_are_taken_and_others_left() -> None:
    text = (
        "diagnosis_code,cc,model_name\nZ0001,18,CMS-HCC Model V24\nZ0001,37,CMS-HCC Model V28\n"
        "Z0001,5,RxHCC Model V08\n"
    )
    assert read_flags(FlagKind.HCC, file(text)) == [FlagRow("Z0001", "v24:18"), FlagRow("Z0001", "v28:37")]


def test_lists_of_codes_are_read_by_their_header_and_end_at_their_remarks() -> None:
    exempt = "Order26\tPOAexemptCode\tDescription\r\n01238\tZ90.0\tWithout toes\r\n"
    assert [row.code for row in read_flags(FlagKind.POA_EXEMPT, file(exempt))] == ["Z900"]
    table = "TABLE 6J - LIST\nDiagnosis Code\tDescription\nQA0.0101\tOdd toe\n\tNotes: 1. None.\nmore\n"
    assert [row.code for row in read_flags(FlagKind.CC, file(table))] == ["QA00101"]


def test_edits_have_dates_of_their_own() -> None:
    text = "code\tstart\tend\tflags\nZ01\t20151001\t20240930\tfemale;adult\nZ01\t20241001\t\tadult;delout\n"
    rows = read_flags(FlagKind.MCE, file(text))
    ended = dt.date(2024, 9, 30)
    assert [(row.value, row.valid_to) for row in rows] == [
        ("female", ended),
        ("adult", ended),
        ("adult", None),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (FlagKind.HCC, "diagnosis_code,cc\nZ01,1\n", "line 1: the header must name"),
        (FlagKind.HCC, "diagnosis_code,cc,model_name\nZ01,x,CMS-HCC Model V24\n", "line 2: .*no number"),
        (FlagKind.HCC, "diagnosis_code,cc,model_name\n1,1,CMS-HCC Model V24\n", "line 2: a code is"),
        (FlagKind.CC, "just words\n", "no row is a header"),
        (FlagKind.CC, "Diagnosis Code\tDescription\nwhat?\tx\n", "line 2: a code is"),
        (FlagKind.MCC, "Diagnosis Code\tDescription\nZ01\tx\nZ01\ty\n", "listed twice"),
        (FlagKind.MCE, "code\tstart\tend\tflags\nZ01\t2015\t\t\n", "line 2: the first date is no date"),
        (FlagKind.MCE, "code\tstart\tend\tflags\nZ01\t\t\tnonsense\n", "line 2: a flag is none"),
        (FlagKind.MCE, "code\tstart\tend\tflags\nZ01\t\t\n", "line 2: the row has 3 columns"),
    ],
)
def test_a_bad_list_of_flags_is_refused_with_the_line(kind: FlagKind, text: str, reason: str) -> None:
    with pytest.raises(RefusedFileError, match=reason):
        read_flags(kind, file(text))
