import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.codes import CatalogError, CodeKind, NoteKind
from bertillon_server.catalog.listing import Listing
from bertillon_server.catalog.schema import write_catalog
from bertillon_server.catalog.store import Catalog

SYSTEM, VERSION = "icd-10-cm", "2026-04-01"
RELEASE = (SYSTEM, VERSION)


@pytest.fixture(scope="module")
def billable(catalog: Catalog) -> list[str]:
    table = catalog.code_table(*RELEASE)
    return [code for code, flag in zip(table.codes, table.billable, strict=True) if flag]


def test_the_release_has_exactly_its_published_number_of_billable_codes(billable: list[str]) -> None:
    assert len(billable) == len(set(billable)) == 74_719


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("I10", "Essential (primary) hypertension"),
        ("E11.9", "Type 2 diabetes mellitus without complications"),
        ("I50.9", "Heart failure, unspecified"),
        (
            "S52.501A",
            "Unspecified fracture of the lower end of right radius, initial encounter for closed fracture",
        ),
        ("T36.0X1A", "Poisoning by penicillins, accidental (unintentional), initial encounter"),
        ("W00.0XXA", "Fall on same level due to ice and snow, initial encounter"),
        ("M1A.00X0", "Idiopathic chronic gout, unspecified site, without tophus (tophi)"),
        ("Z79.4", "Long term (current) use of insulin"),
    ],
)
def test_well_known_codes_are_billable_and_have_their_official_title(
    catalog: Catalog, code: str, title: str
) -> None:
    entry = catalog.get(*RELEASE, code)
    assert entry is not None
    assert (entry.code, entry.title, entry.kind, entry.billable) == (code, title, CodeKind.CODE, True)


@pytest.mark.parametrize("spelling", ["E11.9", "e11.9", "E119", " E11.9 ", "e119\n"])
def test_a_code_is_found_in_any_spelling(catalog: Catalog, spelling: str) -> None:
    entry = catalog.get(*RELEASE, spelling)
    assert entry is not None
    assert entry.code == "E11.9"
    assert catalog.code_table(*RELEASE).title(spelling) == entry.title


@pytest.mark.parametrize("code", ["", "E11.99", "S52.501", "V00-X58", "19", "B20-B20", "ß", "E11'--"])
def test_what_is_not_a_billable_code_is_not_reported_as_one(catalog: Catalog, code: str) -> None:
    entry = catalog.get(*RELEASE, code)
    assert entry is None or not entry.billable
    assert not catalog.code_table(*RELEASE).is_billable(code)


def test_the_category_and_the_block_of_a_lone_category_are_two_entries(catalog: Catalog) -> None:
    block, category = catalog.get(*RELEASE, "B20-B20"), catalog.get(*RELEASE, "B20")
    assert block is not None
    assert category is not None
    assert (block.kind, category.kind, category.parent) == (CodeKind.BLOCK, CodeKind.CODE, "B20-B20")


def test_ancestors_go_from_the_chapter_down_through_nested_blocks(catalog: Catalog) -> None:
    above = catalog.ancestors(*RELEASE, "C50.911")
    assert [entry.code for entry in above] == [
        "2", "C00-C96", "C00-C75", "C50-C50", "C50", "C50.9", "C50.91",
    ]  # fmt: skip
    assert all(not entry.billable for entry in above)


def test_children_of_a_chapter_are_its_blocks_and_of_a_billable_code_none(catalog: Catalog) -> None:
    assert [entry.code for entry in catalog.children(*RELEASE, "22")] == ["U00-U49"]
    assert catalog.children(*RELEASE, "E11.9") == ()


@given(data=st.data())
def test_every_billable_code_hangs_in_the_hierarchy(
    catalog: Catalog, billable: list[str], data: st.DataObject
) -> None:
    code = data.draw(st.sampled_from(billable))
    above = catalog.ancestors(*RELEASE, code)
    assert above[0].kind is CodeKind.CHAPTER
    assert above[1].kind is CodeKind.BLOCK
    entry = catalog.get(*RELEASE, code)
    assert entry is not None
    assert entry.parent == above[-1].code
    for parent, child in zip(above, [*above[1:], entry], strict=True):
        assert child.parent == parent.code
        assert child in catalog.children(*RELEASE, parent.code)
        if parent.kind not in {CodeKind.CHAPTER, CodeKind.BLOCK}:
            assert child.code.replace(".", "").startswith(parent.code.replace(".", ""))


@given(data=st.data())
def test_the_table_agrees_with_the_catalog(
    catalog: Catalog, billable: list[str], data: st.DataObject
) -> None:
    code, table = data.draw(st.sampled_from(billable)), catalog.code_table(*RELEASE)
    entry, above = catalog.get(*RELEASE, code), catalog.ancestors(*RELEASE, code)
    assert entry is not None
    assert (table.title(code), table.is_billable(code), table.position(code)) == (
        entry.title, True, entry.order,
    )  # fmt: skip
    assert [table.codes[at] for at in table.ancestors(entry.order)] == [e.code for e in reversed(above)]
    assert table.chapter(code) == above[0].code
    assert table.category(code) == code[:3]
    assert table.leaves(code) == [code]
    parent = above[-1].code
    assert code in table.leaves(parent)
    assert all(
        leaf.replace(".", "").startswith(parent.replace(".", "")) and table.is_billable(leaf)
        for leaf in (table.leaves(parent) if "-" not in parent else ())
    )


def test_leaves_of_chapters_are_all_codes_in_order(catalog: Catalog, billable: list[str]) -> None:
    table = catalog.code_table(*RELEASE)
    chapters = [code for code, parent in zip(table.codes, table.parents, strict=True) if parent < 0]
    assert len(chapters) == 22
    assert [leaf for chapter in chapters for leaf in table.leaves(chapter)] == billable


def test_the_table_refuses_codes_that_it_has_not(catalog: Catalog) -> None:
    table = catalog.code_table(*RELEASE)
    with pytest.raises(KeyError):
        table.title("Q99.999")
    with pytest.raises(KeyError):
        table.category("A00-A09")
    assert "Q99.999" not in table


def test_notes_are_inherited_and_say_where_they_stand(catalog: Catalog) -> None:
    notes = catalog.notes(*RELEASE, "E11.65")
    assert ("type 1 diabetes mellitus (E10.-)", "E11") in [
        (note.text, note.stated_at) for note in notes if note.kind is NoteKind.EXCLUDES1
    ]
    assert {note.stated_at for note in notes} >= {"E11", "4"}
    assert {note.kind for note in notes} >= {NoteKind.USE_ADDITIONAL, NoteKind.INCLUDES}


def test_inclusion_terms_are_not_inherited_but_shared_with_the_seventh_character(small: Catalog) -> None:
    def terms(code: str) -> list[str]:
        return [
            note.text for note in small.notes(SYSTEM, "small", code) if note.kind is NoteKind.INCLUSION_TERM
        ]

    assert terms("A01.9") == ["Toe injury NOS"]
    assert terms("A01.9XXA") == ["Toe injury NOS"]
    assert terms("A01") == ["Bruise of toe"]


def test_values_of_the_seventh_character_are_those_that_make_a_code(catalog: Catalog) -> None:
    values = [value.character for value in catalog.seventh_characters(*RELEASE, "S52.501")]
    assert values == list("ABCDEFGHJKMNPQRS")
    assert catalog.seventh_characters(*RELEASE, "S52.501A") == catalog.seventh_characters(*RELEASE, "S52.501")
    # Death before regaining consciousness leaves no later encounter.
    assert [value.character for value in catalog.seventh_characters(*RELEASE, "S06.8A7")] == ["A"]
    assert catalog.seventh_characters(*RELEASE, "I10") == ()


@pytest.fixture
def two_releases(tmp_path: Path, tabular: bytes, listing: Callable[..., Listing]) -> Catalog:
    path = tmp_path / "two.sqlite"
    later = tabular.replace(b"Shivers", b"Trembling").replace(b"B01", b"B02")
    write_catalog(
        path,
        [
            listing(tabular, "first", dt.date(2030, 1, 1), dt.date(2030, 6, 30)),
            listing(later, "second", dt.date(2030, 10, 1), None),
        ],
    )
    return Catalog.open(path)


@pytest.mark.parametrize(
    ("date", "version", "exact"),
    [
        (dt.date(2030, 1, 1), "first", True),
        (dt.date(2030, 6, 30), "first", True),
        (dt.date(2030, 7, 1), "first", False),
        (dt.date(2030, 9, 30), "second", False),
        (dt.date(2030, 10, 1), "second", True),
        (dt.date(2099, 1, 1), "second", True),
        (dt.date(1999, 1, 1), "first", False),
        # 46 days after the one and 47 before the other, and the reverse.
        (dt.date(2030, 8, 15), "first", False),
        (dt.date(2030, 8, 16), "second", False),
    ],
)
def test_the_release_follows_the_date_of_service(
    two_releases: Catalog,
    date: dt.date,
    version: str,
    exact: bool,  # noqa: FBT001
) -> None:
    choice = two_releases.release_for(SYSTEM, date)
    assert (choice.release.version, choice.exact, choice.defaulted) == (version, exact, False)


def test_without_a_date_the_newest_release_answers_and_says_so(two_releases: Catalog) -> None:
    choice = two_releases.release_for(SYSTEM, None)
    assert (choice.release.version, choice.defaulted) == ("second", True)


def test_releases_stand_side_by_side_and_do_not_mix(two_releases: Catalog) -> None:
    assert [release.version for release in two_releases.releases(SYSTEM)] == ["second", "first"]
    assert two_releases.get(SYSTEM, "first", "B01") is not None
    assert two_releases.get(SYSTEM, "second", "B01") is None
    assert [hit.code for hit in two_releases.search(SYSTEM, "first", "shivers")] == ["B01"]
    assert two_releases.search(SYSTEM, "second", "shivers") == []
    assert [hit.code for hit in two_releases.search(SYSTEM, "second", "trembling")] == ["B02"]
    assert "B02" in two_releases.code_table(SYSTEM, "second")
    assert "B02" not in two_releases.code_table(SYSTEM, "first")


def test_an_unknown_system_or_release_is_an_error(catalog: Catalog) -> None:
    assert catalog.systems() == (SYSTEM,)
    assert catalog.releases("snomed") == ()
    with pytest.raises(CatalogError, match="no code system"):
        catalog.release_for("snomed", None)
    with pytest.raises(CatalogError, match="no release"):
        catalog.get(SYSTEM, "1999-10-01", "I10")


def test_threads_share_one_catalog(catalog: Catalog) -> None:
    start, found = threading.Barrier(8), []

    def look_up() -> None:
        start.wait()
        for code in ("I10", "E11.9", "S52.501A"):
            entry = catalog.get(*RELEASE, code)
            found.append(entry is not None and catalog.search(*RELEASE, code)[0].code == code)

    threads = [threading.Thread(target=look_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 24
