import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.coding.assertion import AssertionRules, Judgement, tokenize
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind

RULES = AssertionRules()


def judged(marked: str, section: SectionKind = SectionKind.UNSPECIFIED) -> list[str]:
    """Judge the mentions that a sentence marks as `[[mention]]`."""
    text, mentions = unmarked(marked)
    judgements = RULES.judge(tokenize(text, Span(0, len(text))), mentions, section)
    return [judgement.assertion.name for judgement in judgements]


def unmarked(marked: str) -> tuple[str, list[Span]]:
    pieces = marked.replace("]]", "[[").split("[[")
    mentions, at = [], 0
    for number, piece in enumerate(pieces):
        if number % 2:
            mentions.append(Span(at, at + len(piece)))
        at += len(piece)
    return "".join(pieces), mentions


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("No [[fever]], [[chills]], or [[cough]] but has [[dyspnea]].", "NEGATED NEGATED NEGATED PRESENT"),
        ("Denies [[chest pain]]; reports [[nausea]].", "NEGATED PRESENT"),
        ("Negative for [[rash]], [[edema]] and [[fever]].", "NEGATED NEGATED NEGATED"),
        ("No DVT was found and [[cellulitis]] is treated with keflex.", "PRESENT"),
        ("No [[fever]] since starting antibiotics for [[pneumonia]].", "NEGATED PRESENT"),
        ("No evidence of [[PE]] in this patient with [[lung cancer]].", "NEGATED PRESENT"),
        ("[[Rash]] without [[itching]].", "PRESENT NEGATED"),
        ("No [[chest pain]], mild [[dyspnea]] on exertion.", "NEGATED PRESENT"),
        ("Biopsy negative for [[malignancy]], showing [[gastritis]].", "NEGATED PRESENT"),
        ("Concern for [[PE]] given [[tachycardia]].", "POSSIBLE PRESENT"),
        ("History of [[CAD]], [[HTN]] who presents with [[angina]].", "HISTORICAL HISTORICAL PRESENT"),
        ("Patient has [[CAD]]; father also had [[stroke]].", "PRESENT FAMILY"),
        ("GI -ve for [[bleeding]] (occult nor overt), [[anemia]].", "NEGATED NEGATED"),
        ("[[Diabetes]] (no [[retinopathy]]) and [[CKD]].", "PRESENT NEGATED PRESENT"),
        ("no c/o [[SOB]], no reported [[fever]]", "NEGATED NEGATED"),
        ("Family: mother [[CVA]], father with [[asthma]].", "FAMILY FAMILY"),
        ("[[Diabetes]]: mother. [[CAD]] - father and uncle", "FAMILY FAMILY"),
        ("History obtained: mother reports [[fever]].", "PRESENT"),
        ("[[Snoring]] no. Has [[migraine]].", "NEGATED PRESENT"),
        ("Son has [[strep throat]], now pt with [[sore throat]].", "FAMILY PRESENT"),
        ("She was ruled out for [[ACS]] and treated for [[GERD]].", "NEGATED PRESENT"),
        ("History of [[CAD]] s/p [[CABG]], [[HTN]].", "HISTORICAL HISTORICAL HISTORICAL"),
        ("At low risk for [[falls]] due to [[neuropathy]].", "HYPOTHETICAL PRESENT"),
        ("[[Fracture]] not visualized; [[sprain]] more likely.", "NEGATED POSSIBLE"),
        ("If [[diarrhea]] persists, check C diff. [[GERD]]: continue PPI.", "HYPOTHETICAL PRESENT"),
    ],
)
def test_a_scope_ends_where_its_clause_does(marked: str, expected: str) -> None:
    assert judged(marked) == expected.split()


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[[Fever]]: no", "NEGATED"),
        ("[[CAD]]: no [[chest pain]] today.", "PRESENT NEGATED"),
        ("Chest pain: no. [[Dizziness]]: yes.", "PRESENT"),
        ("Denies: [[fever]]; [[chills]]; [[cough]]", "NEGATED NEGATED NEGATED"),
        ("Constitutional: No [[fever]]. No [[chills]].", "NEGATED NEGATED"),
        ("[ ] [[Diabetes]] [x] [[Hypertension]]", "NEGATED PRESENT"),
        ("[[Fever]] (-), [[chills]] (-), [[cough]] (+)", "NEGATED NEGATED PRESENT"),
        ("ROS: (-) [[hematuria]], (+) [[frequency]]", "NEGATED PRESENT"),
        ("+[[nausea]], -[[vomiting]]", "PRESENT NEGATED"),
        ("- [[Hypertension]]", "PRESENT"),
        ("☐ [[asthma]] ☑ [[COPD]]", "NEGATED PRESENT"),
    ],
)
def test_templates_and_signs_assert(marked: str, expected: str) -> None:
    assert judged(marked) == expected.split()


def test_a_hyphen_that_starts_a_line_denies_only_where_findings_are_signed() -> None:
    assert judged("-[[fever]]", SectionKind.REVIEW_OF_SYSTEMS) == ["NEGATED"]
    assert judged("-[[Hypothyroidism]]: TSH at goal", SectionKind.ASSESSMENT_AND_PLAN) == ["PRESENT"]


@pytest.mark.parametrize(
    "marked",
    [
        "No change in [[hearing loss]].",
        "Not only [[hypertension]] but also [[obesity]].",
        "She is not taking her medication for [[hypertension]].",
        "[[Asthma]] is not well controlled.",
        "[[Gram negative bacteremia]] on ceftriaxone.",
        "Bacteremia with gram negative rods, [[sepsis]].",
        "Patient does not deny [[alcohol abuse]].",
        "The [[infection]] has not resolved.",
    ],
)
def test_words_that_only_look_like_negation_negate_nothing(marked: str) -> None:
    assert set(judged(marked)) == {"PRESENT"}


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("Mother reports the baby has [[fever]].", "PRESENT"),
        ("His wife noticed [[slurred speech]].", "PRESENT"),
        ("Lives with wife; [[depression]] stable.", "PRESENT"),
        ("Father brought him in for [[ear pain]].", "PRESENT"),
        ("His wife has the [[flu]].", "OTHER_PERSON"),
        ("Mother with [[breast cancer]] at 52.", "FAMILY"),
    ],
)
def test_people_who_tell_are_told_from_people_who_are_ill(marked: str, expected: str) -> None:
    assert judged(marked) == [expected]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("History of present illness: [[cough]] for a week.", "PRESENT"),
        ("Presents with a 3-day history of [[sore throat]].", "PRESENT"),
        ("Long history of [[migraine]].", "PRESENT"),
        ("Known history of [[hypertension]], currently on lisinopril.", "PRESENT"),
        ("[[Hypertension]], diagnosed in 2010.", "PRESENT"),
        ("[[Stroke]] 3 years ago.", "HISTORICAL"),
        ("h/o [[DM]]", "HISTORICAL"),
    ],
)
def test_a_course_of_illness_is_no_past_history(marked: str, expected: str) -> None:
    assert judged(marked) == [expected]


@pytest.mark.parametrize(
    ("marked", "section", "expected"),
    [
        ("[[CAD]], [[HTN]]", SectionKind.FAMILY_HISTORY, "FAMILY FAMILY"),
        ("No [[cancer]]", SectionKind.FAMILY_HISTORY, "NEGATED"),
        ("[[Cholecystectomy]]", SectionKind.PAST_SURGICAL_HISTORY, "HISTORICAL"),
        ("No [[surgeries]]", SectionKind.PAST_SURGICAL_HISTORY, "NEGATED"),
        ("[[Influenza]] 10/2020", SectionKind.IMMUNIZATIONS, "HYPOTHETICAL"),
        ("[[Diabetes]], [[CKD]]", SectionKind.PAST_MEDICAL_HISTORY, "PRESENT PRESENT"),
        ("[[Fatigue]]", SectionKind.REVIEW_OF_SYSTEMS, "PRESENT"),
    ],
)
def test_the_section_says_what_the_sentence_does_not(
    marked: str, section: SectionKind, expected: str
) -> None:
    assert judged(marked, section) == expected.split()


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("No family history of [[colon cancer]].", "NEGATED"),
        ("Family history of possible [[colon cancer]].", "FAMILY"),
        ("If she has a history of [[seizures]], avoid bupropion.", "HYPOTHETICAL"),
        ("Possible history of [[TIA]].", "HISTORICAL"),
        ("No suspected [[fracture]].", "NEGATED"),
    ],
)
def test_where_several_cues_reach_a_mention_one_goes_first(marked: str, expected: str) -> None:
    assert judged(marked) == [expected]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("45-year-old man with [[CHF]].", "PRESENT"),
        ("72 y/o with [[CHF]], 45 yo with [[asthma]]", "PRESENT PRESENT"),
        ("3 month old with [[bronchiolitis]].", "PRESENT"),
        ("A 10-day-old with [[jaundice]].", "PRESENT"),
        ("We report the case of a 48-year-old woman with [[renal failure]].", "PRESENT"),
        ("45-year-old man with old [[stroke]].", "HISTORICAL"),
    ],
)
def test_an_age_is_no_word_of_the_past(marked: str, expected: str) -> None:
    assert " ".join(judged(marked)) == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[[AKI]] on [[CKD 4]], resolved", "HISTORICAL PRESENT"),
        ("[[Hyponatremia]], resolved", "HISTORICAL"),
        ("[[Hypothyroidism]] after thyroidectomy for [[thyroid cancer]].", "PRESENT HISTORICAL"),
        ("[[Hypothyroidism after total thyroidectomy]] for [[thyroid cancer]].", "PRESENT HISTORICAL"),
        ("S/p right hemicolectomy for [[colon cancer]].", "HISTORICAL"),
        ("Had a mastectomy for [[breast cancer]].", "HISTORICAL"),
        ("Scheduled for mastectomy for [[breast cancer]].", "PRESENT"),
        ("Plan thyroidectomy for [[thyroid cancer]].", "PRESENT"),
        ("AMA [[discharge]]? no", "NEGATED"),
    ],
)
def test_what_is_over_is_told_from_what_it_came_upon(marked: str, expected: str) -> None:
    assert " ".join(judged(marked)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pulmonary embolism ruled out by CTA", ["ruled out"]),
        ("r/o ADHD", ["r/o"]),
        ("Hyponatremia, resolved", [", resolved"]),
        ("Absent kidney, non-compliance, lack of housing", []),
        ("Screening for colon cancer, history of polyps", []),
    ],
)
def test_words_that_assert_are_told_from_words_that_name(text: str, expected: list[str]) -> None:
    assert [cue.of(text) for cue in RULES.cues(tokenize(text, Span(0, len(text))))] == expected


def test_the_cue_is_quoted_from_the_callers_text() -> None:
    text = "Intro. 😀 Denies any\r\nfever."
    sentence = Span(7, len(text))
    mention = Span(text.index("fever"), text.index("fever") + 5)
    [judgement] = RULES.judge(tokenize(text, sentence), [mention], SectionKind.UNSPECIFIED)
    assert judgement.cue is not None
    assert judgement.cue.of(text) == "Denies any"


def test_a_cue_outside_the_sentence_does_not_count() -> None:
    text = "No cough. Fever."
    assert RULES.judge(tokenize(text, Span(10, 16)), [Span(10, 15)], SectionKind.UNSPECIFIED) == [
        Judgement(Assertion.PRESENT, None)
    ]


def test_a_mentions_own_words_are_no_cue_for_it_but_for_one_inside() -> None:
    text = "History of colon cancer"
    outer, inner = Span(0, len(text)), Span(11, len(text))
    first, second = RULES.judge(tokenize(text, outer), [outer, inner], SectionKind.UNSPECIFIED)
    assert first.assertion is Assertion.PRESENT
    assert second == Judgement(Assertion.HISTORICAL, Span(0, 10))


def test_words_inside_a_mention_do_not_end_a_scope() -> None:
    assert judged("Denies [[ear, nose, or throat pain]] and [[cough but no sputum]].") == [
        "NEGATED",
        "NEGATED",
    ]


def test_no_mentions_give_no_judgements() -> None:
    assert RULES.judge(tokenize("No fever.", Span(0, 9)), [], SectionKind.UNSPECIFIED) == []


WORDS = st.sampled_from(
    "no not denies fever cough , . ; : ( ) [ ] - + ? / and or but mother wife history of if for with has vs "
    "possible likely resolved was is negative neg years ago 3 2012 \n \n\n ☐ 😀 é without ruled out".split(
        " "
    )
)


@st.composite
def _sentences(draw: st.DrawFn) -> tuple[str, Span, list[Span]]:
    text = draw(st.lists(WORDS, max_size=40).map(" ".join)) + draw(st.text(max_size=20))
    cuts = st.integers(0, len(text))
    start, end = sorted((draw(cuts), draw(cuts)))
    spans = st.tuples(cuts, cuts).map(lambda pair: Span(*sorted(pair)))
    return text, Span(start, end), draw(st.lists(spans, max_size=8))


@given(_sentences(), st.sampled_from(list(SectionKind)))
def test_any_text_gets_one_judgement_a_mention_with_its_cue_in_the_sentence_and_outside_the_mention(
    case: tuple[str, Span, list[Span]], section: SectionKind
) -> None:
    text, sentence, mentions = case
    judgements = RULES.judge(tokenize(text, sentence), mentions, section)
    assert len(judgements) == len(mentions)
    for mention, judgement in zip(mentions, judgements, strict=True):
        if judgement.cue is not None:
            assert sentence.contains(judgement.cue)
            assert judgement.cue.start < judgement.cue.end
            assert not judgement.cue.overlaps(mention)


@given(_sentences())
def test_a_sentence_is_judged_alike_wherever_it_stands(case: tuple[str, Span, list[Span]]) -> None:
    text, sentence, mentions = case
    lone = RULES.judge(tokenize(text, sentence), mentions, SectionKind.UNSPECIFIED)
    moved = RULES.judge(
        tokenize("no 12 " + text + " denied", sentence.shifted(6)),
        [mention.shifted(6) for mention in mentions],
        SectionKind.UNSPECIFIED,
    )
    assert [judgement.assertion for judgement in moved] == [judgement.assertion for judgement in lone]


@pytest.mark.parametrize(
    "unit",
    ["no ", "no, ", "x", "( - ) ", "[ ] ", "mother has history of ", "\n \n- ", "?", "'\u2019", "(no "],
)
def test_endless_text_is_judged_in_linear_time(unit: str) -> None:
    def seconds(length: int, mentions: Sequence[Span]) -> float:
        text = (unit * length)[:length]
        start = time.process_time()
        RULES.judge(tokenize(text, Span(0, length)), mentions, SectionKind.UNSPECIFIED)
        return time.process_time() - start

    # A quadratic pass over 100,000 characters takes minutes; the linear one takes tenths of a second.
    assert seconds(100_000, [Span(at, at + 3) for at in range(0, 99_000, 500)]) < 10


def test_thousands_of_nested_mentions_are_judged_in_linear_time() -> None:
    text = "a " * 20_000
    start = time.process_time()
    RULES.judge(
        tokenize(text, Span(0, len(text))),
        [Span(at, len(text)) for at in range(0, 20_000, 4)],
        SectionKind.OTHER,
    )
    assert time.process_time() - start < 10
