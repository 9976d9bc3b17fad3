"""What counts as one concept, and which axis values a title asserts."""

from __future__ import annotations

from itertools import combinations

import pytest

from bertillon_models.training.stems import Stems
from bertillon_server.coding.heads import AXES

TITLES = {
    "E10.9": "Type 1 diabetes mellitus without complications",
    "E11.9": "Type 2 diabetes mellitus without complications",
    "E11.22": "Type 2 diabetes mellitus with diabetic chronic kidney disease",
    "M25.561": "Pain in right knee",
    "M25.562": "Pain in left knee",
    "M25.569": "Pain in unspecified knee",
    "M25.551": "Pain in right hip",
    "M17.0": "Bilateral primary osteoarthritis of knee",
    "M17.11": "Unilateral primary osteoarthritis, right knee",
    "S93.401A": "Sprain of unspecified ligament of right ankle, initial encounter",
    "S93.402D": "Sprain of unspecified ligament of left ankle, subsequent encounter",
    "S93.401S": "Sprain of unspecified ligament of right ankle, sequela",
    "S93.411A": "Sprain of calcaneofibular ligament of right ankle, initial encounter",
    "S72.001A": "Fracture of unspecified part of neck of right femur, initial encounter for closed fracture",
    "I50.21": "Acute systolic (congestive) heart failure",
    "I50.22": "Chronic systolic (congestive) heart failure",
    "I50.23": "Acute on chronic systolic (congestive) heart failure",
    "I50.32": "Chronic diastolic (congestive) heart failure",
    "J45.40": "Moderate persistent asthma, uncomplicated",
    "J45.50": "Severe persistent asthma, uncomplicated",
    "J45.909": "Unspecified asthma, uncomplicated",
    "O14.03": "Mild to moderate pre-eclampsia, third trimester",
    "O14.02": "Mild to moderate pre-eclampsia, second trimester",
    "G43.001": "Migraine without aura, not intractable, with status migrainosus",
    "G43.101": "Migraine with aura, not intractable, with status migrainosus",
    "Z85.3": "Personal history of malignant neoplasm of breast",
}


@pytest.fixture
def stems() -> Stems:
    return Stems(TITLES)


@pytest.mark.parametrize(
    "codes",
    [
        ("M25.561", "M25.562", "M25.569"),
        ("M17.0", "M17.11"),
        ("S93.401A", "S93.402D", "S93.401S"),
    ],
)
def test_codes_that_differ_in_side_and_encounter_are_one_concept(
    stems: Stems, codes: tuple[str, ...]
) -> None:
    assert len({stems.number(code) for code in codes}) == 1


@pytest.mark.parametrize(
    "codes",
    [
        ("E10.9", "E11.9", "E11.22"),
        ("I50.21", "I50.22", "I50.23", "I50.32"),
        ("J45.40", "J45.50", "J45.909"),
        ("O14.02", "O14.03"),
        ("M25.561", "M25.551"),
        ("S93.401A", "S93.411A"),
        ("G43.001", "G43.101"),
    ],
)
def test_codes_that_differ_otherwise_are_other_concepts(stems: Stems, codes: tuple[str, ...]) -> None:
    for one, other in combinations(codes, 2):
        assert stems.number(one) != stems.number(other)


def test_a_concept_keeps_its_number_whatever_is_asked_between(stems: Stems) -> None:
    numbers = {code: stems.number(code) for code in TITLES}
    assert numbers == {code: stems.number(code) for code in reversed(TITLES)}
    assert sorted(set(numbers.values())) == list(range(len(set(numbers.values()))))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("E10.9", {}),
        ("E11.22", {"acuity": "chronic", "complication": "complication"}),
        ("M25.561", {"laterality": "right"}),
        ("M25.562", {"laterality": "left"}),
        ("M25.569", {}),
        ("M17.0", {"laterality": "bilateral"}),
        ("S93.401A", {"laterality": "right", "encounter": "initial encounter"}),
        ("S93.402D", {"laterality": "left", "encounter": "subsequent encounter"}),
        ("S93.401S", {"laterality": "right", "encounter": "sequela"}),
        ("S72.001A", {"laterality": "right", "encounter": "initial encounter"}),
        ("I50.21", {"acuity": "acute"}),
        ("I50.22", {"acuity": "chronic"}),
        ("I50.23", {"acuity": "acute on chronic"}),
        ("J45.40", {"severity": "moderate"}),
        ("J45.50", {"severity": "severe"}),
        ("O14.03", {"severity": "moderate", "trimester": "third trimester"}),
        ("O14.02", {"severity": "moderate", "trimester": "second trimester"}),
        ("G43.001", {"complication": "complication"}),
    ],
)
def test_a_title_gives_the_values_of_its_axes(stems: Stems, code: str, said: dict[str, str]) -> None:
    values = stems.axes(code)
    assert len(values) == len(AXES)
    named = {axis: AXES[axis][value] for axis, value in zip(AXES, values, strict=True) if value}
    assert named == said
