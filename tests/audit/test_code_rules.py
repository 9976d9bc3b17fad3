"""Rules about codes, with real pairs of the April 2026 release: where they fire, and where they do not."""

from __future__ import annotations

import pytest
from auditing import SmallAudit, Told, codes_of, of_rule, sequenced, verdict_of

from bertillon_server.audit.registry import RULES, selected
from bertillon_server.audit.values import Flags, Kind, Poa, Proposed, Severity
from bertillon_server.coding.vocabulary import Setting, Sex

# What the note says does not matter to these rules.
NOTE = "Assessment:\n1. Seen today.\n"


@pytest.mark.parametrize(
    ("codes", "fires"),
    [
        # R05 excludes cough with hemorrhage at R04.2; J45 excludes J44.- beside it only as Excludes2.
        (("J44.9", "J45.909"), False),
        (("E10.9", "E11.9"), True),
        # Stated at a category, inherited by the leaf: E11 excludes gestational diabetes (O24.4-).
        (("E11.65", "O24.410"), True),
        # Stated at the other of the two.
        (("O24.410", "E11.65"), True),
        (("I10", "E11.9"), False),
        # A range over several chapters makes no rule.
        (("T88.7XXA", "J18.9"), False),
        (("D50.0", "D62"), True),
        (("J20.9", "J40"), True),
    ],
)
def test_excludes1_keeps_codes_apart(audit: SmallAudit, codes: tuple[str, str], *, fires: bool) -> None:
    found = of_rule(audit(NOTE, *codes), "excludes1")
    assert bool(found) is fires
    for finding in found:
        assert finding.kind is Kind.CONFLICT
        assert set(codes_of(finding)) == set(codes)
        assert finding.source.startswith("Excludes1 at ")


@pytest.mark.parametrize(
    ("code", "rule", "suggested"),
    [
        ("I50", "not-billable", "I50.9"),
        ("E11.6", "not-billable", "E11.65"),
        ("S93.401", "seventh-character", "S93.401A"),
        ("S93.401Q", "seventh-character", "S93.401A"),
        ("T36.0X1", "seventh-character", "T36.0X1A"),
        ("W19.A", "seventh-character", "W19.XXXA"),
        ("W19XA", "seventh-character", "W19.XXXA"),
        ("E11.99", "unknown-code", None),
        ("I10.5", "unknown-code", "I10"),
        ("hypertension", "malformed", None),
        ("1234", "malformed", None),
        ("$$$", "malformed", None),
    ],
)
def test_a_code_that_may_not_be_reported_is_named_with_valid_ones(
    audit: SmallAudit, code: str, rule: str, suggested: str | None
) -> None:
    report = audit(NOTE, code)
    found = [finding for finding in report.findings if finding.kind is Kind.CONFLICT]
    assert [finding.rule for finding in found] == [rule]
    assert found[0].severity is Severity.ERROR
    if suggested is not None:
        assert suggested in [ref.code for ref in found[0].suggestions]
    assert all(
        audit.catalog.code_table("icd-10-cm", "2026-04-01").is_billable(ref.code)
        for ref in found[0].suggestions
    )
    assert verdict_of(report, code) is Kind.CONFLICT


@pytest.mark.parametrize("code", ["I10", "i10", "E119", " e11.9 ", "S93.401A", "W19.XXXA", "t36.0x1a"])
def test_a_valid_code_is_valid_in_any_spelling(audit: SmallAudit, code: str) -> None:
    invalid = {"malformed", "unknown-code", "not-billable", "seventh-character"}
    assert invalid.isdisjoint(finding.rule for finding in audit(NOTE, code).findings)


@pytest.mark.parametrize(
    ("codes", "rule", "about"),
    [
        (("E11.9", "N18.30"), "combination", ("E11.9", "N18.30")),
        (("I10", "I50.9"), "combination", ("I10", "I50.9")),
        (("E11.9", "R73.9"), "combination", ("E11.9", "R73.9")),
        (("M25.569", "M25.561"), "less-specific", ("M25.569", "M25.561")),
        (("J18.9", "R05.9"), "integral-symptom", ("R05.9", "J18.9")),
        (("I10", "I10"), "repeated-code", ("I10",)),
        (("H25.11", "H25.13"), "both-sides", ()),
    ],
)
def test_codes_that_say_nothing_beside_another(
    audit: SmallAudit, codes: tuple[str, ...], rule: str, about: tuple[str, ...]
) -> None:
    found = of_rule(audit(NOTE, *codes), rule)
    assert found
    if about:
        assert set(codes_of(found[0])) == set(about)


@pytest.mark.parametrize(
    ("codes", "rule"),
    [
        (("E11.22", "N18.30"), "combination"),
        (("I11.0", "I50.9"), "combination"),
        (("M25.561", "M25.562"), "less-specific"),
        (("J18.9", "R04.2"), "integral-symptom"),
        (("I10", "E11.9"), "repeated-code"),
        # No bilateral code: both sides are coded (M25.56-).
        (("M25.561", "M25.562"), "both-sides"),
    ],
)
def test_codes_that_belong_side_by_side(audit: SmallAudit, codes: tuple[str, ...], rule: str) -> None:
    assert not of_rule(audit(NOTE, *codes), rule)


@pytest.mark.parametrize(
    ("codes", "rule", "fires"),
    [
        # F02 is dementia in other diseases classified elsewhere: code first G30.-.
        (("F02.80", "G30.9"), "manifestation", True),
        (("G30.9", "F02.80"), "manifestation", False),
        (("I10", "F02.80"), "manifestation", True),
        # I13.0 asks for the type of heart failure after it; I50 says "code first" I13.0.
        (("I50.22", "I13.0"), "code-first", True),
        (("I13.0", "I50.22"), "code-first", False),
        (("N18.4", "E11.22"), "additional-order", True),
        (("E11.22", "N18.4"), "additional-order", False),
        (("W19.XXXA", "S93.401A"), "external-cause-first", True),
        (("S93.401A", "W19.XXXA"), "external-cause-first", False),
    ],
)
def test_the_order_of_a_claim(audit: SmallAudit, codes: tuple[str, ...], rule: str, *, fires: bool) -> None:
    assert bool(of_rule(audit(NOTE, *sequenced(*codes)), rule)) is fires


def test_codes_in_no_sequence_have_no_principal(audit: SmallAudit) -> None:
    report = audit(NOTE, "W19.XXXA", "S93.401A", "N18.4", "E11.22")
    assert not of_rule(report, "external-cause-first")
    assert not of_rule(report, "additional-order")


def test_an_additional_code_is_asked_for_where_the_notes_document_it(audit: SmallAudit) -> None:
    text = "Assessment:\n1. Diabetes with kidney disease\n2. CKD stage 3a\n"
    found = of_rule(audit(text, "E11.22"), "use-additional")
    assert [codes_of(finding) for finding in found] == [["E11.22", "N18.31"]]
    assert not of_rule(audit(text, "E11.22", "N18.31"), "use-additional")


@pytest.mark.parametrize(
    ("code", "age", "rule"),
    [
        ("O80", 70, "age"),
        ("O80", 30, None),
        ("Z00.129", 40, "age"),
        ("Z00.00", 12, "age"),
        ("Z68.36", 15, "age"),
        ("Z68.54", 40, "age"),
        ("P07.30", 30, "perinatal"),
        ("P07.30", 0, None),
        ("I10", 40, None),
    ],
)
def test_edits_by_age(audit: SmallAudit, code: str, age: int, rule: str | None) -> None:
    found = [f.rule for f in audit(NOTE, code, age=age).findings if f.rule in {"age", "perinatal"}]
    assert found == ([rule] if rule else [])
    assert not of_rule(audit(NOTE, code), "age")


@pytest.mark.parametrize(
    ("code", "sex", "fires"),
    [
        ("C61", Sex.FEMALE, True),
        ("C61", Sex.MALE, False),
        ("C56.1", Sex.MALE, True),
        ("O80", Sex.MALE, True),
        ("Z80.42", Sex.FEMALE, False),
    ],
)
def test_sex_is_advice_only(audit: SmallAudit, code: str, sex: Sex, *, fires: bool) -> None:
    found = of_rule(audit(NOTE, code, sex=sex), "sex")
    assert bool(found) is fires
    assert all(finding.severity is Severity.INFO for finding in found)


def test_present_on_admission_is_asked_for_where_others_have_it(audit: SmallAudit) -> None:
    codes = [Proposed("I10", poa=Poa.YES), Proposed("E11.9")]
    found = of_rule(audit(NOTE, *codes, setting=Setting.INPATIENT), "poa-missing")
    assert [codes_of(finding) for finding in found] == [["E11.9"]]
    assert not of_rule(audit(NOTE, "I10", "E11.9", setting=Setting.INPATIENT), "poa-missing")
    assert of_rule(audit(NOTE, *codes), "poa-outpatient")


def test_rules_that_rest_on_flags_speak_only_where_flags_are_known(audit: SmallAudit) -> None:
    told = Told(
        {
            "Z79.4": Flags(poa_exempt=True, unacceptable_principal=True),
            "I21.9": Flags(ages=(15, 124), hcc=("V28:228",), mcc=True),
        }
    )
    codes = [
        Proposed("Z79.4", position=1, poa=Poa.YES),
        Proposed("I21.9", position=2, poa=Poa.YES),
    ]
    with_flags = audit(NOTE, *codes, setting=Setting.INPATIENT, flags=told, age=3, auditor_view=True)
    without = audit(NOTE, *codes, setting=Setting.INPATIENT, age=3, auditor_view=True)
    wanted = {"poa-exempt", "unacceptable-principal", "age"}
    assert wanted <= {finding.rule for finding in with_flags.findings}
    assert wanted.isdisjoint(finding.rule for finding in without.findings)
    assert [verdict.flags and verdict.flags.mcc for verdict in with_flags.codes] == [False, True]
    assert [verdict.flags for verdict in without.codes] == [None, None]
    hidden = audit(NOTE, *codes, setting=Setting.INPATIENT, flags=told)
    assert [verdict.flags for verdict in hidden.codes] == [None, None]


def test_every_rule_has_an_id_of_its_own_and_names_its_source() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.title
        assert rule.source
        assert "Source: " in (rule.check.__doc__ or ""), rule.id


def test_rules_are_selected_by_settings_and_by_request() -> None:
    every = {rule.id for rule in RULES}
    assert {rule.id for rule in selected((), ())} == every
    assert {rule.id for rule in selected(("missed",), ())} == every - {"missed"}
    assert {rule.id for rule in selected((), (), ("sex",))} == every - {"sex"}
    assert {rule.id for rule in selected((), ("sex",), ("sex",))} == every
    assert {rule.id for rule in selected(("sex",), ("sex",), ("sex",))} == every - {"sex"}
