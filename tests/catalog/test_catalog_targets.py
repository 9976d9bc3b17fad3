import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.codes import CodeRange
from bertillon_server.catalog.targets import condition_test, read_targets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type 1 diabetes mellitus (E10.-)", [("E10", "E10")]),
        ("depressive episode (F32.0-F32.9)", [("F32.0", "F32.9")]),
        ("infectious diseases (A00-B99)", [("A00", "B99")]),
        ("long term use of insulin (Z79.4)", [("Z79.4", "Z79.4")]),
        ("hypertensive disease (O10-O11, O13-O16)", [("O10", "O11"), ("O13", "O16")]),
        ("adverse effects (A00-R94 and T80-T88.6, T88.8)", [("A00", "R94"), ("T80", "T88.6"), ("T88.8", "T88.8")]),
        ("atherosclerosis of the extremities (I70.2--I70.7-)", [("I70.2", "I70.7")]),
        ("apnea of newborn (P28.3- - P28.4-)", [("P28.3", "P28.4")]),
        ("behavioral eating disorders (F98.2.-F98.3)", [("F98.2", "F98.3")]),
        ("abscess of intestine (K50.014, K50.914,)", [("K50.014", "K50.014"), ("K50.914", "K50.914")]),
        ("malignant neoplasm (C43.2-,C44.2-)", [("C43.2", "C43.2"), ("C44.2", "C44.2")]),
        ("meconium staining (P96.83 )", [("P96.83", "P96.83")]),
        ("otitis media (acute) NOS (H66.9)", [("H66.9", "H66.9")]),
        ("torticollis (sternomastoid) Q68.0", [("Q68.0", "Q68.0")]),
        ("absence of knee joint (Z89.52-", [("Z89.52", "Z89.52")]),
        ("hearing loss as classified in H90.-", [("H90", "H90")]),
        ("from categories E08, E09 and E13 to identify any", [("E08", "E08"), ("E09", "E09"), ("E13", "E13")]),
        ("pneumoconiosis with tuberculosis, any type in A15 (J65)", [("J65", "J65")]),
    ],
)  # fmt: skip
def test_printed_codes_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(target.first, target.last) for target in read_targets(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "current injury - see injury of joint by body region",
        "meningitis (in):",
        "sign(s) and symptom(s) - code to the sign(s) or symptom(s)",
        "ketoacidosis (H32 in diseases classified to B38-B45 or elsewhere)",
        "diabetic acidosis - see categories E08-E10, E11, E13 with ketoacidosis",
        "nephritic syndrome (with C3 glomerulopathy)",
        "other dietary vitamin B12 deficiency anemia",
    ],
)
def test_prose_yields_no_codes(text: str) -> None:
    assert read_targets(text) == ()


def test_a_condition_is_kept_with_its_range() -> None:
    assert read_targets("diabetic angiopathy (E08-E13 with .51-.52)") == (
        CodeRange("E08", "E13", "with .51-.52"),
    )


@pytest.mark.parametrize(
    ("condition", "fits", "does_not"),
    [
        ("with .51-.52", ["E0851", "E1352"], ["E0859", "E08", "E08651"]),
        ("with .62-", ["E08621", "E0862"], ["E0861"]),
        ("with fifth or sixth character 5", ["T360X5A", "T4395XA", "T45515"], ["T360X1A", "T45511", "T36"]),
        ("with fifth or sixth character 1-4", ["T360X1A", "T45514"], ["T45515", "T360X6"]),
        ("with fifth character 4", ["M5124"], ["M5126", "M51"]),
        ("with 5th character .6", ["F1026"], ["F1027"]),
        ("with fifth to sixth characters 51", ["F11151"], ["F11150"]),
        ("with final characters -23", ["I69023"], ["I69021"]),
        ("with 7th character B", ["S020XXB"], ["S020XXA", "S02"]),
        ("with seventh character A", ["S060X0A"], ["S060X0D"]),
    ],
)
def test_a_condition_tells_codes_apart(condition: str, fits: list[str], does_not: list[str]) -> None:
    test = condition_test(condition)
    assert [key for key in fits if not test(key, "")] == []
    assert [key for key in does_not if test(key, "")] == []


def test_open_fractures_are_known_by_their_title() -> None:
    test = condition_test("with open fracture 7th character")
    assert test("S52001B", "Fracture, initial encounter for open fracture type I or II")
    assert not test("S52001A", "Fracture, initial encounter for closed fracture")


codes = st.builds(
    lambda letter, digits, rest: letter + digits + (f".{rest}" if rest else ""),
    st.sampled_from("ABCEIJZ"),
    st.from_regex(r"[0-9]{2}", fullmatch=True),
    st.from_regex(r"[0-9A]{0,3}", fullmatch=True),
)


@given(st.lists(st.tuples(codes, codes, st.sampled_from(["", "-"])), min_size=1, max_size=6))
def test_a_list_of_ranges_is_read_back_as_written(items: list[tuple[str, str, str]]) -> None:
    text = "words (" + ", ".join(f"{first}-{last}{dash}" for first, last, dash in items) + ")"
    assert [(target.first, target.last) for target in read_targets(text)] == [item[:2] for item in items]


@given(st.text(max_size=300))
def test_any_text_is_read_without_error(text: str) -> None:
    assert all(target.first for target in read_targets(text))
