"""From a concept to a billable code: the text chooses among the leaves, and nothing is invented."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.axes import axis_in, axis_of, read_title
from bertillon_server.coding.decoding import Decoder
from bertillon_server.coding.vocabulary import AxisKind

SIDES = frozenset({"right", "left", "bilateral"})


@pytest.fixture(scope="module")
def table() -> Iterator[CodeTable]:
    with Catalog.open() as catalog:
        yield catalog.code_table("icd-10-cm", "2026-04-01")


@pytest.fixture(scope="module")
def decoder(table: CodeTable) -> Decoder:
    return Decoder(table)


def leaf(decoder: Decoder, target: str, context: str = "") -> str:
    decoded = decoder.decode(target, frozenset(), dict.fromkeys(context.split()))
    assert decoded is not None
    assert decoded.invented == 0
    return decoded.code


@pytest.mark.parametrize(
    ("target", "context", "expected"),
    [
        ("M25.56", "right", "M25.561"),
        ("M25.56", "", "M25.569"),
        ("N18.9", "stage 3b", "N18.32"),
        ("N18.9", "", "N18.9"),
        ("E11.9", "hyperglycemia", "E11.65"),
        ("I50.9", "chronic systolic", "I50.22"),
        ("I50.9", "chronic", "I50.9"),
        ("M17.9", "left", "M17.12"),
        ("J45.909", "moderate persistent exacerbation", "J45.41"),
        ("J44.9", "exacerbation", "J44.1"),
        ("G43.909", "aura", "G43.109"),
        ("I48.91", "paroxysmal", "I48.0"),
        ("S52.50", "left", "S52.502A"),
        ("S52.50", "right healing", "S52.501D"),
        ("S52.50", "right sequela", "S52.501S"),
        ("S52.50", "right open", "S52.501B"),
        ("O24.41", "", "O24.419"),
        ("G56.0", "bilateral", "G56.03"),
        ("G56.0", "", "G56.00"),
        ("S61.21", "right index", "S61.210A"),
        ("H66.00", "right", "H66.001"),
        ("G81.9", "right", "G81.91"),
        ("G81.9", "left", "G81.94"),
        ("I69.35", "left", "I69.354"),
        ("I50.40", "acute chronic", "I50.43"),
        ("N28.89", "", "N28.89"),
        # "With" completes a code without complication.
        ("J45.50", "asthmaticus", "J45.52"),
        ("F10.10", "intoxication", "F10.129"),
        ("M41.129", "thorax", "M41.124"),
        ("J38.00", "left", "J38.01"),
        # What other words imply.
        ("C34.90", "rul", "C34.11"),
        ("E11.9", "poorly controlled", "E11.65"),
        ("E11.9", "controlled", "E11.9"),
        ("L02.419", "left forearm", "L02.414"),
        ("L03.119", "right foot", "L03.115"),
        ("L02.91", "right hand", "L02.511"),
        ("F13.90", "use disease mild", "F13.10"),
        ("F11.90", "oud severe", "F11.20"),
        ("F11.90", "severe", "F11.90"),
        ("F17.200", "use disease severe", "F17.200"),
    ],
)
def test_documented_axes_choose_the_leaf(decoder: Decoder, target: str, context: str, expected: str) -> None:
    assert leaf(decoder, target, context) == expected


def test_an_axis_that_the_text_leaves_open_is_named(decoder: Decoder) -> None:
    decoded = decoder.decode("M25.56", frozenset(), {})
    assert decoded is not None
    assert decoder.missing(decoded) == (AxisKind.LATERALITY,)


def test_a_code_without_an_unspecified_leaf_is_marked_as_invented(decoder: Decoder) -> None:
    decoded = decoder.decode("P29.1", frozenset(), {})
    assert decoded is not None
    assert decoded.invented > 0


@given(st.data())
def test_whatever_is_decoded_is_billable_and_of_the_same_category(
    table: CodeTable, decoder: Decoder, data: st.DataObject
) -> None:
    target = data.draw(
        st.sampled_from([code for code in table.codes if len(code) >= 3 and "-" not in code][::37])
    )
    words = data.draw(
        st.lists(st.sampled_from(["right", "left", "acute", "chronic", "severe", "healing", "3a"]))
    )
    decoded = decoder.decode(target, frozenset(), dict.fromkeys(words))
    assert decoded is not None
    assert table.is_billable(decoded.code)
    assert decoded.code[:3] == target[:3]


@given(st.data())
def test_no_side_is_reported_that_the_text_does_not_name(
    table: CodeTable, decoder: Decoder, data: st.DataObject
) -> None:
    target = data.draw(
        st.sampled_from([code for code in table.codes if 5 <= len(code) <= 6 and "-" not in code][::23])
    )
    decoded = decoder.decode(target, frozenset(), {})
    assert decoded is not None
    if decoded.invented == 0:
        sides = read_title(table.title(decoded.code)).asserts & SIDES
        assert sides <= read_title(table.title(target)).asserts


@pytest.mark.parametrize(
    ("title", "asserts", "denies"),
    [
        (
            "Migraine with aura, not intractable, without status migrainosus",
            {"migraine", "aura"},
            {"intractable"},
        ),
        ("Chronic obstructive pulmonary disease with (acute) exacerbation", {"exacerbation"}, set()),
        ("Type 2 diabetes mellitus without complications", {"2"}, {"complication"}),
        (
            "Migraine without aura, intractable, without status migrainosus",
            {"intractable"},
            {"aura", "migrainosus"},
        ),
        (
            "Laceration without foreign body of right index finger without damage to nail",
            {"right", "index", "finger"},
            {"foreign", "nail"},
        ),
        ("Contracture of muscle, not elsewhere classified, right knee", {"right", "knee"}, set()),
        (
            "Unspecified dementia, mild, without psychotic disturbance, mood disturbance, and anxiety",
            {"mild"},
            {"psychotic", "mood", "anxiety"},
        ),
    ],
)
def test_a_title_is_taken_apart_into_what_it_says_and_what_it_denies(
    title: str, asserts: set[str], denies: set[str]
) -> None:
    read = read_title(title)
    assert asserts <= read.asserts
    assert denies <= read.denies
    assert not read.asserts & read.denies


def test_what_a_mention_denies_chooses_the_leaf_that_denies_it(decoder: Decoder) -> None:
    said = frozenset({"migraine", "intractable"})
    decoded = decoder.decode("G43.909", said, {}, frozenset({"aura"}))
    assert decoded is not None
    assert decoded.code == "G43.019"


def test_a_number_is_of_the_axis_that_the_title_names() -> None:
    assert axis_in("2", read_title("Pressure ulcer of sacral region, stage 2").asserts) is AxisKind.STAGE
    assert axis_in("2", read_title("Type 2 diabetes mellitus without complications").asserts) is AxisKind.TYPE


def test_the_7th_character_is_no_part_of_what_a_title_asserts() -> None:
    read = read_title("Sprain of unspecified ligament of right ankle, initial encounter")
    assert read.encounter == "initial encounter"
    assert "encounter" not in read.asserts
    assert read.open


def test_numbers_and_stages_are_values_of_an_axis() -> None:
    assert axis_of("3b") is AxisKind.STAGE
    assert axis_of("left") is AxisKind.LATERALITY
    assert axis_of("knee") is None
