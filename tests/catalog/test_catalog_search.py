import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog

RELEASE = ("icd-10-cm", "2026-04-01")


def codes(catalog: Catalog, query: str, **options: int) -> list[str]:
    return [hit.code for hit in catalog.search(*RELEASE, query, **options)]  # type: ignore[arg-type]


def test_heart_failure_is_found_at_its_own_category(catalog: Catalog) -> None:
    found = codes(catalog, "heart failure")
    assert "I50.9" in found[:3]
    assert all(code.startswith("I50") for code in found[:5])


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("essential hypertension", "I10"),
        ("Heart failure, unspecified", "I50.9"),
        ("atrial fibrillation", "I48.91"),
        ("chest pain", "R07.9"),
        ("type 2 diabetes", "E11.9"),
        ("obesity", "E66.9"),
        ("vitamin d def", "E55.9"),
        ("colles fracture of right radius", "S52.531"),
    ],
)
def test_the_common_code_comes_first(catalog: Catalog, query: str, first: str) -> None:
    assert codes(catalog, query)[0] == first


def test_the_last_word_is_a_beginning_unless_told_otherwise(catalog: Catalog) -> None:
    assert codes(catalog, "essential hypert")[0] == "I10"
    assert codes(catalog, "essential hypert", prefix=False) == []


def test_singular_and_plural_find_each_other(catalog: Catalog) -> None:
    assert codes(catalog, "headaches", prefix=False)[0] == codes(catalog, "headache", prefix=False)[0]


@pytest.mark.parametrize(
    ("query", "first"),
    [("E11", "E11"), ("e119", "E11.9"), (" e11.9", "E11.9"), ("i5", "I50")],
)
def test_the_beginning_of_a_code_finds_codes(catalog: Catalog, query: str, first: str) -> None:
    found = codes(catalog, query, limit=30)
    assert found[0] == first
    assert all(code.replace(".", "").startswith(query.strip().upper().replace(".", "")) for code in found)


def test_a_word_of_the_seventh_character_leads_to_the_extended_code(catalog: Catalog) -> None:
    hit = catalog.search(*RELEASE, "torus fracture lower end right radius sequela")[0]
    assert (hit.code, hit.billable) == ("S52.521S", True)
    assert hit.matched_term == "Torus fracture of lower end of right radius"
    assert codes(catalog, "torus fracture lower end right radius")[0] == "S52.521"


def test_billable_only_leaves_no_other_code(catalog: Catalog) -> None:
    for query in ("heart failure", "fracture of radius", "E11", "torus fracture lower end right radius"):
        hits = catalog.search(*RELEASE, query, limit=30, billable_only=True)
        assert hits
        assert all(hit.billable for hit in hits)


def test_a_hit_names_the_term_that_matched_and_stands_once(catalog: Catalog) -> None:
    hits = catalog.search(*RELEASE, "acute kidney injury", limit=50)
    assert (hits[0].code, hits[0].matched_term) == ("N17.9", "Acute kidney injury (nontraumatic)")
    assert len({hit.code for hit in hits}) == len(hits)


def test_scores_fall_and_the_limit_holds(catalog: Catalog) -> None:
    hits = catalog.search(*RELEASE, "diabetes", limit=7)
    assert len(hits) == 7
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize(
    "query", ["", " ", '"', "*", "of", "NEAR(a b)", "heart NOT", "words:x", "\x00", "\ud800", "(", "-1"]
)
def test_what_is_no_query_finds_nothing_that_the_words_do_not_say(catalog: Catalog, query: str) -> None:
    words = [
        word for word in "".join(c if c.isalnum() else " " for c in query.lower()).split() if word != "of"
    ]
    for hit in catalog.search(*RELEASE, query):
        assert all(word in (hit.title + hit.matched_term).lower() for word in words)


@pytest.mark.parametrize(
    "operator", ["AND", "OR", "NOT", "NEAR", '"', "*", "^", ":", "-", "+", "(", ")", "{"]
)
def test_operators_are_words_or_nothing(catalog: Catalog, operator: str) -> None:
    plain = codes(catalog, "atrial fibrillation")
    found = codes(catalog, f"atrial {operator} fibrillation")
    assert found == plain or (
        operator.isalpha() and set(found) <= set(codes(catalog, operator, limit=100)) | set(plain)
    )


@given(st.text(max_size=200), st.booleans(), st.booleans())
def test_any_text_is_answered(catalog: Catalog, text: str, prefix: bool, billable_only: bool) -> None:  # noqa: FBT001
    hits = catalog.search(*RELEASE, text, limit=5, prefix=prefix, billable_only=billable_only)
    assert len(hits) <= 5


@given(st.text(alphabet=st.sampled_from('abeirt"*()-:^ NOT'), max_size=40))
def test_full_text_syntax_cannot_be_injected(catalog: Catalog, text: str) -> None:
    assert len(catalog.search(*RELEASE, text, limit=3)) <= 3
