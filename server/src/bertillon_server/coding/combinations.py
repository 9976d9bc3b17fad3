"""Combination codes: conditions that ICD-10-CM presumes to be related and codes as one.

Sources: Official Guidelines I.A.15 ("with": the two conditions are linked even without the provider's word) for
diabetes, I.C.9.a for hypertension with heart failure and chronic kidney disease, I.B.9 (combination codes).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_DIABETES_SOURCE = "diabetes and this condition are presumed to be related (guidelines I.A.15)"
_HYPERTENSION_SOURCE = "hypertension is presumed to be related to it (guidelines I.C.9.a)"


@dataclass(frozen=True, slots=True)
class Combination:
    """`code` stands for `parts`; those in `replaced` are no longer coded beside it."""

    code: str
    parts: tuple[str, ...]
    replaced: tuple[str, ...]
    source: str


# What a diabetic complication adds to the category of the diabetes, by the code of the condition: suffix, and
# whether the condition's own code goes (it does where the combination code says it all).
_DIABETIC: tuple[tuple[tuple[str, ...], str, bool], ...] = (
    (("N18",), "22", False),
    (("G62.9", "G63", "G60.9"), "40", True),
    (("H35.00",), "319", True),
    (("I73.9",), "51", True),
    (("K31.84",), "43", False),
    (("L97",), "621", False),
    (("R73.9",), "65", True),
    (("E16.2",), "649", True),
)


def combinations(codes: Collection[str]) -> list[Combination]:
    """Return the combination codes that a set of codes asks for."""
    return [*_diabetes(codes), *_hypertension(codes)]


def _diabetes(codes: Collection[str]) -> list[Combination]:
    found = []
    for category in ("E10", "E11", "E13"):
        plain = f"{category}.9"
        diabetes = next((code for code in sorted(codes, reverse=True) if code.startswith(category)), None)
        if diabetes is None:
            continue
        for beginnings, suffix, replaces in _DIABETIC:
            partner = next((code for code in sorted(codes) if code.startswith(beginnings)), None)
            if partner is None:
                continue
            # "Without complications" goes; another complication that is coded stays beside the new one.
            gone = [plain] if plain in codes else []
            if replaces:
                gone.append(partner)
            parts = (diabetes, partner)
            found.append(Combination(f"{category}.{suffix}", parts, tuple(gone), _DIABETES_SOURCE))
    return found


def _hypertension(codes: Collection[str]) -> list[Combination]:
    plain = next((code for code in ("I10", "I11.9", "I12.9") if code in codes), None)
    if plain is None:
        return []
    heart = next((code for code in sorted(codes) if code.startswith("I50")), None)
    kidney = next((code for code in sorted(codes) if code.startswith("N18")), None)
    late = kidney is not None and kidney.startswith(("N18.5", "N18.6"))
    if heart and kidney:
        code = "I13.2" if late else "I13.0"
    elif heart:
        code = "I11.0"
    elif kidney:
        code = "I12.0" if late else "I12.9"
    else:
        return []
    parts = tuple(part for part in (plain, heart, kidney) if part)
    return [] if code in codes else [Combination(code, parts, (plain,), _HYPERTENSION_SOURCE)]
