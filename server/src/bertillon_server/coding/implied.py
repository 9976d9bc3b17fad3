"""What the words of a text say beyond themselves, where the code set speaks in other words.

Each table is small and has its source; what is only likely is not implied.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

# Lobes of a lung, as radiologists and oncologists write them.
_LOBES = MappingProxyType(
    {
        "rul": ("right", "upper", "lobe"),
        "rml": ("right", "middle", "lobe"),
        "rll": ("right", "lower", "lobe"),
        "lul": ("left", "upper", "lobe"),
        "lll": ("left", "lower", "lobe"),
    }
)
_LOBE_NAMES = frozenset(_LOBES)
# Diabetes that is "inadequately controlled", "out of control" or "poorly controlled" is diabetes with hyperglycemia
# (Alphabetic Index, Diabetes).
_DIABETES = ("E08", "E09", "E10", "E11", "E13")
_POORLY = frozenset({"poorly", "inadequately"})
# Parts of limbs that have no codes of their own in many categories, where a title says "upper limb" (L02.4, L03.1).
_ARM = frozenset({"arm", "forearm", "elbow", "wrist", "hand", "axilla", "antecubital"})
_LEG = frozenset({"leg", "thigh", "calf", "shin", "knee", "ankle", "foot", "pretibial"})
GRANTED = MappingProxyType({"upper": _ARM, "lower": _LEG, "limb": _ARM | _LEG, "extremity": _ARM | _LEG})
# A use disorder that is mild is coded as abuse, one that is moderate or severe as dependence (Alphabetic Index,
# Disorder, alcohol use and others). Shorthand for it, by its letters.
_USE_DISORDERS = frozenset({"aud", "oud", "cud", "sud"})
_DEPENDENCE = frozenset({"moderate", "severe"})
_ABUSE, _DEPENDENT, _USE = "10", "20", "90"


def implied(target: str, said: Collection[str]) -> frozenset[str]:
    """Return the canonical forms that a text says of a concept in other words."""
    found: set[str] = set()
    if not _LOBE_NAMES.isdisjoint(said):
        found = {form for lobe, forms in _LOBES.items() if lobe in said for form in forms}
    if target.startswith(_DIABETES) and "controlled" in said and not _POORLY.isdisjoint(said):
        found.add("hyperglycemia")
    return frozenset(found)


def granted(form: str, said: Collection[str]) -> bool:
    """Whether a form of a title is no detail of its own, since the text names a part of what it names."""
    return not GRANTED.get(form, frozenset()).isdisjoint(said)


def by_severity(target: str, said: Collection[str]) -> str:
    """Return the code that the severity of a use disorder asks for; any other code as it is."""
    if not target.startswith("F1"):
        return target
    category, _, rest = target.partition(".")
    if category == "F17" or rest != _USE:
        return target
    disordered = {"use", "disease"} <= set(said) or not _USE_DISORDERS.isdisjoint(said)
    if disordered and not _DEPENDENCE.isdisjoint(said):
        return f"{category}.{_DEPENDENT}"
    return f"{category}.{_ABUSE}" if disordered and "mild" in said else target
