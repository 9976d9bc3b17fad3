import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.codes import CodeRange
from bertillon_server.catalog.store import Catalog

RELEASE = ("icd-10-cm", "2026-04-01")


@pytest.mark.parametrize(
    ("code", "excluded", "stated_at"),
    [
        ("E10.9", "E11.9", "E10"),  # two types of diabetes; stated at the categories
        ("E10.65", "E13.9", "E10"),
        ("I10", "O10.011", "I10"),  # a range in a chapter of its own right
        ("I10", "O16.9", "I10"),
        ("R05.9", "J41.0", "R05"),
        ("R73.01", "E11.9", "R73.0"),  # a sign and the disease: a range of categories
        ("N39.0", "N30.00", "N39.0"),  # below a heading
        ("F32.9", "F31.9", "F32"),
        ("G63", "E11.42", "G63"),  # a range with a condition
        ("R40.20", "E11.641", "R40"),  # the excluded code itself speaks of coma
    ],
)
def test_a_printed_exclusion_is_reported_both_ways_with_its_note(
    catalog: Catalog, code: str, excluded: str, stated_at: str
) -> None:
    rule = catalog.excludes1(*RELEASE, code, excluded)
    reverse = catalog.excludes1(*RELEASE, excluded, code)
    assert rule is not None
    assert reverse is not None
    assert (rule.stated_at, rule.code, rule.excluded) == (stated_at, code, excluded)
    assert {reverse.code, reverse.excluded} == {code, excluded}
    assert rule.text in [note.text for note in catalog.notes(*RELEASE, stated_at)]


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("R40.20", "E11.9", "diabetes without coma, beside a coma of another cause"),
        ("G63", "E11.9", "the note is for diabetes with .42"),
        ("T88.7XXA", "J18.9", "a range over many chapters stands for anything specified"),
        ("J44.9", "J45.909", "an Excludes2 note"),
        ("I50.9", "I11.0", "a code first note"),
        ("E66.9", "E11.9", "no note at all"),
        ("E11.9", "Q99.999", "not a code of the release"),
        ("E11", "E11.9", "a code and its ancestor"),
    ],
)
def test_no_conflict_is_invented(catalog: Catalog, one: str, other: str, why: str) -> None:
    assert catalog.excludes1(*RELEASE, one, other) is None, why
    assert catalog.excludes1(*RELEASE, other, one) is None, why


def test_a_note_of_an_inner_code_does_not_reach_its_siblings(catalog: Catalog) -> None:
    assert catalog.excludes1(*RELEASE, "N39.0", "N30.00") is not None
    assert catalog.excludes1(*RELEASE, "N39.3", "N30.00") is None


@given(data=st.data())
def test_exclusion_is_symmetric_and_spares_relatives(catalog: Catalog, data: st.DataObject) -> None:
    table = catalog.code_table(*RELEASE)
    # Chapters 4 and 18 and categories near each other: where exclusions are dense.
    position = data.draw(st.integers(0, len(table) - 1))
    near = data.draw(st.integers(max(0, position - 300), min(len(table) - 1, position + 300)))
    one, other = table.codes[position], table.codes[near]
    rule = catalog.excludes1(*RELEASE, one, other)
    assert (rule is None) == (catalog.excludes1(*RELEASE, other, one) is None)
    if table.related(position, near):
        assert rule is None
    if rule is not None:
        stated = table.position(rule.stated_at)
        assert table.related(stated, table.position(rule.code))
        assert not table.related(stated, table.position(rule.excluded))


def test_exclusions_are_inherited_from_a_block_and_read_conservatively(small: Catalog) -> None:
    def excluded(one: str, other: str) -> str | None:
        rule = small.excludes1("icd-10-cm", "small", one, other)
        return rule.stated_at if rule is not None else None

    assert excluded("A00", "B00.0") == "A00"
    assert excluded("B00.1", "A00") == "A00"
    assert excluded("A01.9XXA", "B00.1") == "A01-A09"  # "stupor in chills": this code has the stupor
    assert excluded("A01.9XXA", "B00.0") is None  # and this one has not
    assert excluded("A01.9XXA", "B01") is None
    assert excluded("A00", "B01") is None


def test_sequencing_notes_are_inherited_with_their_codes(small: Catalog) -> None:
    named, in_words = small.code_first("icd-10-cm", "small", "B00.0")
    assert (named.stated_at, named.text, named.ranges) == (
        "B00", "underlying fever (A00)", (CodeRange("A00", "A00"),),
    )  # fmt: skip
    table = small.code_table("icd-10-cm", "small")
    assert named.names(table.position("A00"))
    assert not named.names(table.position("A01"))
    assert (in_words.text, in_words.ranges) == ("any other cause", ())
    assert small.code_first("icd-10-cm", "small", "A00") == ()


def test_use_additional_names_the_codes_to_add(catalog: Catalog) -> None:
    table = catalog.code_table(*RELEASE)
    notes = catalog.use_additional(*RELEASE, "E11.9")
    insulin = [note for note in notes if note.names(table.position("Z79.4"))]
    assert [note.stated_at for note in insulin] == ["E11"]
    assert catalog.use_additional(*RELEASE, "nothing") == ()
