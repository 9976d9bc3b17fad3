"""What operative notes say is done, and the codes of ICD-10-PCS that a coder gives it; and what gets none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.table import CodeTable
from bertillon_server.coding.assertion import AssertionRules
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.procedures.coder import ProcedureCoder
from bertillon_server.coding.procedures.name_table import NAMED
from bertillon_server.coding.procedures.names import compiled, fixed_prefix
from bertillon_server.coding.procedures.pcs import PcsLinker
from bertillon_server.coding.procedures.pcs_system import PcsSystem
from bertillon_server.coding.procedures.release import PcsRelease
from bertillon_server.coding.results import EncounterSummary, Mention, NoteInput, SectionResult, Timings
from bertillon_server.coding.vocabulary import Assertion, AxisKind, Setting, SuppressionReason
from small_knowledge import knowledge

CODES = Path(__file__).parent / "data" / "pcs_codes.txt"


class Coded(NamedTuple):
    """A note's procedures."""

    summary: EncounterSummary
    mentions: list[Mention]
    text: str

    @property
    def codes(self) -> list[str]:
        return [item.code.code for item in self.summary.procedures]

    @property
    def reasons(self) -> dict[str, SuppressionReason]:
        return {item.code.code: item.reason for item in self.summary.suppressed_procedures}


class Procedures:
    """Codes procedures with the release of the test; no encoder is needed."""

    def __init__(self, catalog: Catalog) -> None:
        rows = [line.split(" ", 1) for line in CODES.read_text("utf-8").splitlines()]
        table = CodeTable((code, title, -1, n + 1, 1, 0, 0) for n, (code, title) in enumerate(rows))
        self.known = frozenset(table.codes)
        self._reader = Coder(knowledge(catalog))
        system = PcsSystem("icd-10-pcs", "FY2026", PcsLinker(PcsRelease(table)))
        self.coder = ProcedureCoder([system], AssertionRules(), self._reader.dimensions)

    def __call__(self, text: str) -> Coded:
        note = NoteInput(text, Setting.INPATIENT)
        outline = self._reader.outline(note, ())
        results = []
        for section in outline.sections:
            reading = self._reader.read(note, section)
            plan = self.coder.read(note, outline, reading)
            empty = SectionResult(section, (), Timings())
            results.append(self.coder.add(note, outline, reading, plan, (), empty))
        summary = self._reader.summarise(note, outline, [])
        summary = self.coder.summarise(note, outline, results, summary)
        return Coded(summary, [mention for result in results for mention in result.mentions], text)


@pytest.fixture(scope="module")
def procedures() -> Iterator[Procedures]:
    with Catalog.open() as catalog:
        yield Procedures(catalog)


# A resection takes all of a body part, an excision a portion (B3.8); a biopsy is diagnostic (B3.4a); the approach is
# that of the words (B5); what is bilateral has one code if there is one, and else two (B4.3).
DONE = [
    ("Laparoscopic appendectomy.", "0DTJ4ZZ"),
    ("Appendectomy, open.", "0DTJ0ZZ"),
    ("Open cholecystectomy.", "0FT40ZZ"),
    ("Laparoscopic cholecystectomy with intraoperative cholangiogram.", "0FT44ZZ BF10YZZ"),
    ("Right total knee arthroplasty, cemented.", "0SRC0J9"),
    ("Bilateral total knee replacement.", "0SRC0JZ 0SRD0JZ"),
    ("Left total hip arthroplasty, uncemented, ceramic on polyethylene.", "0SRB04A"),
    ("Repeat low transverse cesarean section.", "10D00Z1"),
    ("Classical cesarean section.", "10D00Z0"),
    ("Open reduction and internal fixation of left distal radius fracture with volar plate.", "0PSJ04Z"),
    ("Open reduction internal fixation, left bimalleolar ankle fracture.", "0QSH04Z 0QSK04Z"),
    ("Excision of lipoma, right lower arm.", "0JBG0ZZ"),
    ("Laparoscopic bilateral tubal ligation.", "0UL74ZZ"),
    ("Laparoscopic right inguinal hernia repair with mesh.", "0YU54JZ"),
    ("Right inguinal hernia repair.", "0YQ50ZZ"),
    ("Colonoscopy.", "0DJD8ZZ"),
    ("Colonoscopy with biopsy of the sigmoid colon.", "0DBN8ZX"),
    ("EGD with gastric biopsy.", "0DB68ZX"),
    ("Left thoracentesis.", "0W9B3ZZ"),
    ("Ultrasound-guided percutaneous liver biopsy.", "0FB03ZX"),
    ("Total abdominal hysterectomy with bilateral salpingo-oophorectomy.", "0UT90ZZ 0UTC0ZZ 0UT20ZZ 0UT70ZZ"),
    ("Robotic radical prostatectomy.", "0VT04ZZ 0VT34ZZ"),
    ("Transurethral resection of bladder tumor.", "0TBB8ZZ"),
    ("Cystoscopy with left ureteral stent placement.", "0T778DZ"),
    ("Incision and drainage of abscess of left thigh.", "0J9M0ZZ"),
    ("Left carotid endarterectomy.", "03CJ0ZZ"),
    ("Insertion of dual chamber pacemaker.", "0JH606Z"),
    ("Closed reduction of left hip dislocation.", "0SSBXZZ"),
    ("Suture of laceration, right hand.", "0HQFXZZ"),
    ("Phacoemulsification with intraocular lens, left eye.", "08RK3JZ"),
    ("Right modified radical mastectomy with axillary lymph node dissection.", "0HTT0ZZ 07T50ZZ"),
    ("Craniotomy for evacuation of left subdural hematoma.", "00C40ZZ"),
    ("Right hemicolectomy.", "0DTF0ZZ"),
    ("Excision of left breast mass.", "0HBU0ZZ"),
    ("Intramedullary nailing of right intertrochanteric femur fracture.", "0QS606Z"),
    ("CABG x3 with LIMA to LAD and SVG to OM and RCA.", "02100Z9 021109W"),
    ("Left knee arthroscopy with partial medial meniscectomy.", "0SBD4ZZ"),
    ("Removal of hardware, right tibia.", "0QPG04Z"),
    ("Exploratory laparotomy with splenectomy.", "07TP0ZZ"),
    ("Percutaneous coronary intervention with drug-eluting stent to the LAD.", "027034Z"),
]


@pytest.mark.parametrize(("text", "codes"), DONE, ids=[text[:40] for text, _ in DONE])
def test_an_operation_has_the_code_that_a_coder_gives_it(
    procedures: Procedures, text: str, codes: str
) -> None:
    assert sorted(procedures(f"PROCEDURE PERFORMED:\n{text}\n").codes) == sorted(codes.split())


NOT_DONE = [
    ("PAST SURGICAL HISTORY:\nAppendectomy.\n", Assertion.HISTORICAL),
    ("HOSPITAL COURSE:\nHe is s/p appendectomy 2010 and did well.\n", Assertion.HISTORICAL),
    ("HOSPITAL COURSE:\nShe is scheduled for laparoscopic appendectomy.\n", Assertion.HYPOTHETICAL),
    ("HOSPITAL COURSE:\nLaparoscopic appendectomy was recommended.\n", Assertion.HYPOTHETICAL),
    ("PLAN:\nAppendectomy.\n", Assertion.HYPOTHETICAL),
    ("PLANNED PROCEDURE:\nAppendectomy.\n", Assertion.HYPOTHETICAL),
    ("HOSPITAL COURSE:\nThe patient declined appendectomy.\n", Assertion.NEGATED),
    ("HOSPITAL COURSE:\nAppendectomy was not performed.\n", Assertion.NEGATED),
]


@pytest.mark.parametrize(("text", "assertion"), NOT_DONE, ids=[text[:50] for text, _ in NOT_DONE])
def test_what_was_not_done_now_is_named_and_has_no_code(
    procedures: Procedures, text: str, assertion: Assertion
) -> None:
    coded = procedures(text)
    assert coded.codes == []
    assert [mention.assertion for mention in coded.mentions] == [assertion]
    assert len(coded.reasons) == 1


def test_the_hospital_course_tells_what_was_done_where_no_section_names_it(procedures: Procedures) -> None:
    assert procedures("HOSPITAL COURSE:\nShe underwent laparoscopic appendectomy on 3/4/2026.\n").codes == [
        "0DTJ4ZZ"
    ]


def test_a_side_that_nobody_wrote_is_not_invented(procedures: Procedures) -> None:
    coded = procedures("PROCEDURE PERFORMED:\nTotal knee arthroplasty.\n")
    assert coded.codes == []
    (mention,) = coded.mentions
    assert mention.suppression is SuppressionReason.NO_BILLABLE_CODE
    assert AxisKind.LATERALITY in mention.missing_axes
    assert mention.code is not None
    assert {mention.code.code, mention.alternatives[0].code.code} == {"0SRC0JZ", "0SRD0JZ"}


def test_an_approach_that_nobody_wrote_is_said_to_be_missing(procedures: Procedures) -> None:
    (item,) = procedures("PROCEDURE PERFORMED:\nAppendectomy.\n").summary.procedures
    assert item.code.code == "0DTJ0ZZ"
    assert item.missing_axes == (AxisKind.APPROACH,)


def test_the_description_of_an_operation_tells_how_and_adds_no_steps(procedures: Procedures) -> None:
    coded = procedures(
        "PROCEDURE PERFORMED:\nAppendectomy.\n\nDESCRIPTION OF PROCEDURE:\n"
        + "The patient was prepped and draped. " * 15
        + "Three trocars were placed and pneumoperitoneum was established. A Foley catheter was placed. The appendix "
        "was identified, stapled and removed. The skin was closed with suture.\n"
    )
    assert coded.codes == ["0DTJ4ZZ"]
    assert coded.reasons["0T9B70Z"] is SuppressionReason.COMPONENT


def test_an_inspection_on_the_way_is_part_of_the_operation(procedures: Procedures) -> None:
    coded = procedures("PROCEDURES:\n1. Colonoscopy.\n2. Biopsy of the sigmoid colon, endoscopic.\n")
    assert coded.codes == ["0DBN8ZX"]
    assert coded.reasons["0DJD8ZZ"] is SuppressionReason.COMPONENT


def test_evidence_is_the_words_of_the_note(procedures: Procedures) -> None:
    coded = procedures("PROCEDURE PERFORMED:\nLaparoscopic\u00a0appendectomy — uneventful 🙂.\n")
    assert [mention.span.of(coded.text) for mention in coded.mentions] == ["appendectomy"]


def test_names_are_expressions_for_codes_of_one_table() -> None:
    for line in NAMED.strip().splitlines():
        patterns, _, names = line.partition(" = ")
        assert names
        for pattern in patterns.replace(" & ", " ").split():
            compiled(pattern)
            assert len(fixed_prefix(pattern)) >= 2


WORDS = st.sampled_from(
    "excision of the left right knee biopsy , with appendectomy x3 . and removed CT total bilateral -".split()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_only_codes_of_the_release_are_ever_given(procedures: Procedures, words: list[str]) -> None:
    coded = procedures("PROCEDURE PERFORMED:\n" + " ".join(words))
    for mention in coded.mentions:
        assert mention.code is not None
        assert {mention.code.code, *(other.code.code for other in mention.alternatives)} <= procedures.known
        assert mention.span.of(coded.text)
        assert 0 < mention.confidence < 1
