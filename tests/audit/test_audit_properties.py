"""What holds of every audit, whatever the notes and the codes are."""

from __future__ import annotations

from auditing import SmallAudit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertillon_server.audit.registry import IDS
from bertillon_server.audit.values import Kind
from bertillon_server.coding.vocabulary import Setting

LINES = st.sampled_from(
    (
        "Assessment:",
        "Plan:",
        "Family history:",
        "1. Hypertension",
        "2. Right knee pain",
        "3. Heart failure. LVEF 30%.",
        "No pneumonia.",
        "Probable pneumonia; father had colon cancer",
        "CKD stage 3a, diabetes",
        "Rupture of right Achilles tendon",
        "Medications: metformin 500 mg",
        "Hgb 7.9 🩸 – naïve",
        "",
    )
)
NOTES = st.one_of(
    st.lists(LINES, max_size=12).map("\n".join),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=200),
)
CODES = st.one_of(
    st.sampled_from(
        (
            "I10",
            "E11.9",
            "E11.22",
            "N18.30",
            "J18.9",
            "M25.562",
            "C18.9",
            "I50.9",
            "S86.012A",
            "D62",
            "zz",
            "I50",
        )
    ),
    st.text(max_size=9),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(NOTES, min_size=1, max_size=3),
    codes=st.lists(CODES, max_size=6),
    setting=st.sampled_from(Setting),
)
def test_an_audit_accounts_for_every_code_and_quotes_only_what_is_written(
    audit: SmallAudit, texts: list[str], codes: list[str], setting: Setting
) -> None:
    report = audit(texts, *codes, setting=setting)
    assert [verdict.proposed.code for verdict in report.codes] == codes
    for finding in report.findings:
        assert finding.rule in IDS
        assert 0 <= finding.confidence <= 1
        assert all(0 <= index < len(codes) for index in finding.proposed)
        for item in finding.evidence:
            text = texts[item.note]
            assert 0 <= item.span.start < item.span.end <= len(text)
            assert item.sentence.start <= item.span.start < item.span.end <= item.sentence.end
        # Under-coding is never claimed without a quote, and over-coding says where was looked.
        if finding.kind is Kind.MISSED:
            assert finding.evidence
        if finding.kind is Kind.UNSUPPORTED:
            assert finding.evidence or finding.looked_in
        assert (finding.query is not None) == (finding.kind is Kind.QUERY)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=NOTES, codes=st.lists(CODES, max_size=5, unique=True), data=st.data())
def test_findings_do_not_depend_on_the_order_of_codes_without_positions(
    audit: SmallAudit, text: str, codes: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(codes))
    assert _kinds(audit, text, codes) == _kinds(audit, text, shuffled)


def _kinds(audit: SmallAudit, text: str, codes: list[str]) -> dict[str, Kind]:
    return {verdict.proposed.code: verdict.kind for verdict in audit(text, *codes).codes}
