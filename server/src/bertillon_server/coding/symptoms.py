"""Symptoms that are part of a disease and are not coded beside it (Official Guidelines I.B.5).

The guideline names the rule and leaves the pairs to clinical knowledge; this table is ours, for common diseases.
"""

from __future__ import annotations

# Diseases by the beginnings of their codes, and the symptoms that belong to them by the beginnings of theirs.
_INTEGRAL: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    # Fever, aches, malaise and raised white cells belong to infections.
    (
        ("A0", "A4", "B0", "B2", "B3", "J0", "J1", "J20", "J21", "J22", "U07.1"),
        ("R50", "R52", "R53", "R68.83", "M79.1"),
    ),
    (
        ("N10", "N30", "N39.0", "K35", "K57", "K65", "K81", "L03", "M86"),
        ("R50", "R52", "R53", "R68.83", "D72.82"),
    ),
    # Airways and lungs.
    (
        ("J00", "J01", "J02", "J03", "J06", "J09", "J10", "J11", "J30", "J31", "J32"),
        ("R05", "R09.8", "R06.7", "R07.0"),
    ),
    (
        ("J12", "J13", "J14", "J15", "J16", "J17", "J18", "J20", "J21", "J22", "J40", "U07.1"),
        ("R05", "R06", "R07", "R09.0", "R09.3"),
    ),
    (
        ("J41", "J42", "J43", "J44", "J45", "J47", "J84"),
        ("R05", "R06.0", "R06.2", "R06.8", "R07.89", "R09.3"),
    ),
    (("J80", "J96", "J81"), ("R06", "R09.0")),
    # Heart and vessels.
    (("I50", "I11.0", "I13.0", "I13.2", "I42"), ("R06.0", "R60", "R53", "J90", "R63.5", "R09.0")),
    (("I20", "I21", "I22", "I24", "I25.1"), ("R07", "R06.0", "R61", "R53")),
    (("I47", "I48", "I49"), ("R00", "R55", "R42")),
    (("I26",), ("R06.0", "R07", "R04.2", "R00.0")),
    (("I82", "I80", "I83"), ("M79.6", "R60", "M79.89")),
    (("I63", "I61", "I60", "G45"), ("R29.8", "R47", "R51", "R53", "H53.2", "R27")),
    # Stomach, bowel, liver.
    (("A08", "A09", "K52", "K50", "K51"), ("R11", "R19.7", "R10", "R50")),
    (
        ("K21", "K20", "K25", "K26", "K27", "K29", "K30"),
        ("R12", "R10.1", "R11", "R14"),
    ),
    (
        ("K35", "K36", "K37", "K56", "K57", "K58", "K80", "K81", "K85", "K86"),
        ("R10", "R11", "R14", "R17", "R19.4"),
    ),
    (("K70", "K72", "K74"), ("R17", "R18", "R16")),
    (("K59.0", "K64", "K60"), ("K62.5", "R10", "R14")),
    # Kidney and bladder.
    (("N20", "N21", "N23"), ("R10", "R31", "R11", "N23")),
    (("N30", "N39.0", "N10", "N41"), ("R30", "R31", "R35", "R39", "R10.2", "R10.3")),
    # Hormones and metabolism.
    (("E08", "E09", "E10", "E11", "E13"), ("R35", "R63.1", "R73", "R81")),
    (("E03",), ("R53", "R63.5", "R68.89")),
    (("E05",), ("R00.0", "R00.2", "R63.4", "R25.1")),
    (("D50", "D51", "D52", "D62", "D63", "D64"), ("R53", "R23.1", "R71")),
    # Nerves and mind.
    (("G43", "G44"), ("R51", "R11", "H53.14", "R42")),
    (("G40",), ("R56", "R41.0")),
    (("H81", "H83"), ("R42", "R11")),
    (("G47.3",), ("R06.83", "R40.0", "R53")),
    # Suicidal ideation and self-harm (R45.8) are no part of a mood disorder: they are coded beside it.
    (("F32", "F33", "F41", "F43"), ("R45.0", "R45.1", "R45.2", "R45.3", "R45.4", "R45.7", "R53.83", "R46")),
    (("G20", "G25.0"), ("R25.1", "R26", "R29.6")),
    # Bones, joints, skin.
    (
        ("M15", "M16", "M17", "M18", "M19", "M05", "M06", "M10", "M1A", "M75", "M23", "M22", "S8", "S4"),
        ("M25.5", "M25.4", "M25.6", "M79.6", "R26"),
    ),
    (
        ("M47", "M48", "M50", "M51", "M54.1", "M54.3", "M54.4"),
        ("M54.2", "M54.5", "M54.6", "M54.9", "R20", "M79.6"),
    ),
    (("L20", "L23", "L24", "L25", "L30", "L40", "L50", "B35", "B86"), ("L29", "R21", "R23.8")),
    (("L03", "L02"), ("R60", "L53.9", "M79.6", "R21")),
    (("H10",), ("H57.1", "H57.8", "H04.2")),
    (("H60", "H65", "H66"), ("H92", "R50", "H93.8")),
)


def diseases_with(symptom: str) -> tuple[str, ...]:
    """Return the beginnings of the codes of the diseases that a symptom's code, as published, is integral to."""
    return tuple(
        beginning
        for diseases, symptoms in _INTEGRAL
        if symptom.startswith(symptoms)
        for beginning in diseases
    )


def is_integral(symptom: str, disease: str) -> bool:
    """Whether a symptom's code is integral to a disease's code; both as published, with the point."""
    return disease.startswith(diseases_with(symptom))
