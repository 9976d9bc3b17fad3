import pytest

from bertillon_server.catalog.codes import CatalogError, CodeKind
from bertillon_server.catalog.tabular import read_tabular


def test_seventh_characters_are_added_after_placeholders_and_name_themselves_in_the_title(
    tabular: bytes,
) -> None:
    titles = {entry.code: entry.title for entry in read_tabular(tabular) if entry.billable}
    assert titles == {
        "A00": "Plain fever",
        "A01.0X1A": "Injury of great toe, right, initial encounter",
        "A01.0X1S": "Injury of great toe, right, sequela",
        "A01.0X2A": "Injury of great toe, left, initial encounter",
        "A01.0X2S": "Injury of great toe, left, sequela",
        "A01.9XXA": "Injury of toe, unspecified, initial encounter",
        "A01.9XXS": "Injury of toe, unspecified, sequela",
        "B00.0": "Mild chills",
        "B00.1": "Chills with stupor",
        "B01": "Shivers",
    }


def test_a_combination_that_the_official_list_lacks_is_not_made(tabular: bytes) -> None:
    official = {"A00", "A010X1A", "A010X1S", "A010X2A", "A019XXA", "A019XXS", "B000", "B001", "B01"}
    codes = {entry.code for entry in read_tabular(tabular, official) if entry.billable}
    assert "A01.0X1S" in codes
    assert "A01.0X2S" not in codes


def test_blocks_nest_by_their_ranges_and_a_block_of_one_category_is_told_from_it(tabular: bytes) -> None:
    entries = read_tabular(tabular)
    parents = {entry.code: entries[entry.parent].code for entry in entries if entry.parent is not None}
    assert parents["A00-A09"] == "1"
    assert parents["A00-A00"] == "A00-A09"
    assert parents["A01-A09"] == "A00-A09"
    assert parents["A00"] == "A00-A00"
    assert parents["B00-B09"] == "1"


def test_the_level_of_an_entry_follows_from_what_stands_below_it(tabular: bytes) -> None:
    kinds = {entry.code: entry.kind for entry in read_tabular(tabular)}
    assert kinds["1"] is CodeKind.CHAPTER
    assert kinds["A00-A09"] is CodeKind.BLOCK
    assert kinds["A00"] is CodeKind.CODE
    assert kinds["A01"] is CodeKind.CATEGORY
    assert kinds["A01.9"] is CodeKind.SUBCATEGORY
    assert kinds["A01.9XXA"] is CodeKind.CODE


def test_ranges_are_cut_off_the_titles_of_blocks_and_chapters(tabular: bytes) -> None:
    titles = {entry.code: entry.title for entry in read_tabular(tabular)}
    assert titles["1"] == "Fevers and chills"
    assert titles["A00-A00"] == "Plain fever"


def test_a_term_below_the_definition_of_encounters_belongs_to_the_code(tabular: bytes) -> None:
    notes = {entry.code: [note.text for note in entry.notes] for entry in read_tabular(tabular)}
    assert "Bruise of toe" in notes["A01"]
    assert notes["A01.9XXS"] == []


@pytest.mark.parametrize("xml", [b"", b"<a>", b"<a/>", b"<a><chapter><name>1</name></chapter></a>"])
def test_anything_but_a_tabular_list_is_refused(xml: bytes) -> None:
    with pytest.raises(CatalogError):
        read_tabular(xml)
