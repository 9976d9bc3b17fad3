"""Which candidates open a section: what the title means, how it is written, and which section it stands in.

The rules err towards keeping text in the section that it stands in: a problem named by `Hypertension:` inside an
assessment belongs to the assessment, and `HEENT:` to the examination.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bertillon_server.coding.section_headers import Candidate, Delimiter, Marker
from bertillon_server.coding.section_titles import SubTitle, kind_of, sub_title_of
from bertillon_server.coding.vocabulary import SectionKind as K

PROBLEM_KINDS = frozenset({K.ASSESSMENT, K.PLAN, K.ASSESSMENT_AND_PLAN, K.DIAGNOSES})
"""Sections whose items are problems or what is done about them."""

_PLANS = frozenset({K.PLAN, K.ASSESSMENT_AND_PLAN, K.ASSESSMENT})

# Text of these is divided by headers of its own, known or not.
_DIVIDED = PROBLEM_KINDS | {
    K.REVIEW_OF_SYSTEMS,
    K.PHYSICAL_EXAM,
    K.HOSPITAL_COURSE,
    K.FINDINGS,
    K.IMAGING,
    K.LABORATORY,
}
# Of these too, as long as no blank line comes before the header.
_LISTED = frozenset(
    {
        K.PAST_MEDICAL_HISTORY,
        K.PAST_SURGICAL_HISTORY,
        K.FAMILY_HISTORY,
        K.SOCIAL_HISTORY,
        K.OBSTETRIC_HISTORY,
        K.MEDICATIONS,
        K.VITAL_SIGNS,
    }
)
_BEFORE_EXAM = frozenset(
    {
        K.UNSPECIFIED,
        K.CHIEF_COMPLAINT,
        K.HISTORY_OF_PRESENT_ILLNESS,
        K.FAMILY_HISTORY,
        K.SOCIAL_HISTORY,
        K.MEDICATIONS,
        K.ALLERGIES,
        K.IMMUNIZATIONS,
        K.VITAL_SIGNS,
    }
)
_OPENING = frozenset({K.UNSPECIFIED, K.ADMINISTRATIVE})
_OPERATIVE = frozenset(
    {K.PROCEDURE, K.PREOPERATIVE_DIAGNOSIS, K.POSTOPERATIVE_DIAGNOSIS, K.INDICATION, K.FINDINGS, K.OTHER}
)
# Kinds with everyday words among their titles: one such word in mixed case is not evidence enough.
_EVERYDAY = frozenset({K.OTHER, K.ADMINISTRATIVE, K.DISPOSITION, K.FINDINGS})
# Kinds that an assessment or a plan has items about.
_PLANNED = frozenset(
    {
        K.MEDICATIONS,
        K.LABORATORY,
        K.IMAGING,
        K.ALLERGIES,
        K.IMMUNIZATIONS,
        K.PROCEDURE,
        K.VITAL_SIGNS,
        K.SOCIAL_HISTORY,
        K.OBSTETRIC_HISTORY,
        K.DISPOSITION,
        K.FINDINGS,
        K.INDICATION,
        K.OTHER,
        K.ADMINISTRATIVE,
        K.CHIEF_COMPLAINT,
    }
)
_STAYS_IN_PLAN = frozenset(
    {
        "all",
        "prophylaxis",
        "dvt prophylaxis",
        "nutrition",
        "safety",
        "fall risk",
        "line",
        "access",
        "behavior",
        "background",
        "presentation",
        "story",
        "symptom",
        "progress",
        "course",
        "pregnancy",
        "screening",
        "status",
    }
)
# Lines with a single hash that make a list.
_LEAST_MARKED = 2
_SOAP_LETTERS = frozenset({"s", "o", "a", "p"})
_STUDY_NAME = re.compile(
    r"\s*+(?:CT|CTA|MRI?|MRA|PET|X-?ray|XR|US|Ultrasound|CXR|Chest|Mammogra|Fluoro|Echo|Doppler|Bone scan|Bilateral|"
    r"Portable|Two|AP|PA|Transthoracic|Renal|Nuclear|Limited|Barium|HIDA|DEXA)\b",
    re.IGNORECASE,
)
_DIGIT_SOON = re.compile(r"[^0-9\r\n]{0,14}+[0-9]")
_COPIED = re.compile(r"\s*+(?:Dr\b|Drs\b|[A-Z][\w. ]{0,40}+,\s*+(?:M\.?D|D\.?O)\b)")


def hashes_name_problems(found: Iterable[Candidate]) -> bool:
    """Whether a single hash marks the problems of a list ("#HTN: ...") and not the headings of a document.

    In a document some heading is the title of a section.
    """
    marked = [candidate for candidate in found if candidate.level == 1]
    known = any(kind_of(candidate.key) or sub_title_of(candidate.key) for candidate in marked)
    return len(marked) >= _LEAST_MARKED and not known


class Reading:
    """Reads candidates in order and says which open a section; holds what has been opened so far."""

    def __init__(self, text: str, *, capitals: bool, hashes: bool = False) -> None:
        self._text = text
        self._capitals = capitals
        self._hashes = hashes
        self._kind = K.UNSPECIFIED
        self._header: Candidate | None = None
        self._seen: set[K] = set()

    def opened(self, candidate: Candidate) -> K | None:
        """Return the kind of the section that the candidate opens, None when it opens none."""
        kind = self._judged(candidate)
        if kind is not None:
            self._kind = kind
            self._header = candidate
            self._seen.add(kind)
        return kind

    def _judged(self, candidate: Candidate) -> K | None:  # noqa: C901, PLR0911 - one rule a return
        if candidate.key in _SOAP_LETTERS:
            return self._soap(candidate)
        if self._hashes and candidate.level == 1:
            # A list of problems under no header is an assessment; in a hospital course it is the course by problem.
            stays = self._kind in PROBLEM_KINDS or self._kind is K.HOSPITAL_COURSE
            return None if stays else K.ASSESSMENT_AND_PLAN
        sub = sub_title_of(candidate.key)
        if sub is not None and self._kind in _DIVIDED and not candidate.level:
            return None
        kind = kind_of(candidate.key)
        if kind is None:
            return self._unknown(candidate) if sub is None else self._sub(candidate, sub)
        if candidate.key == "cc" and self._header is not None and _COPIED.match(self._text, candidate.body):
            return K.ADMINISTRATIVE
        if candidate.key in {"examination", "study"} and _STUDY_NAME.match(self._text, candidate.body):
            # A radiology report names its study under the word that otherwise opens an examination.
            kind = K.PROCEDURE
        if not self._written_as_header(candidate, kind):
            return None
        if self._kind in PROBLEM_KINDS:
            return kind if self._leaves_problems(candidate, kind) else None
        if self._kind is kind is K.ADMINISTRATIVE:
            return None
        if self._kind is K.PHYSICAL_EXAM and kind is K.VITAL_SIGNS:
            return None
        if kind is K.HOSPITAL_COURSE and candidate.key in _STAYS_IN_PLAN and not self._capital(candidate):
            return None
        return kind

    def _soap(self, candidate: Candidate) -> K | None:
        kind = kind_of(candidate.key)
        written = self._text[candidate.title.start]
        if candidate.delimiter not in (Delimiter.COLON, Delimiter.DASH) and not candidate.alone:
            return None
        if candidate.marker is not Marker.NONE or not written.isupper():
            return None
        following = self._text[candidate.body : candidate.body + 4].strip()
        if candidate.key in {"p", "o"} and following[:1].isdecimal():
            return None
        early = {K.HISTORY_OF_PRESENT_ILLNESS, K.CHIEF_COMPLAINT}
        fits = {
            "s": self._kind in _OPENING or self._kind in (K.CHIEF_COMPLAINT, K.PLAN),
            "o": bool(self._seen & early) or self._header is None,
            "a": bool(self._seen & (early | {K.PHYSICAL_EXAM})),
            "p": bool(self._seen & {K.ASSESSMENT, K.ASSESSMENT_AND_PLAN, K.DIAGNOSES}),
        }
        return kind if fits[candidate.key] else None

    def _written_as_header(self, candidate: Candidate, kind: K) -> bool:
        single = " " not in candidate.key
        capital = self._capital(candidate)
        strong = capital or candidate.level > 0 or candidate.decorated
        if kind in _EVERYDAY and single and not strong:
            near = self._kind in _OPENING or self._kind is kind or self._kind in _OPERATIVE
            return near and candidate.delimiter is Delimiter.COLON and not candidate.inline
        if candidate.inline or candidate.delimiter is Delimiter.COLON:
            numbered = candidate.marker is Marker.NUMBER and not strong
            return not (numbered and single and self._header is not None and not self._numbered())
        if candidate.marker is not Marker.NONE and not strong and not self._numbered():
            return False
        if strong or not single:
            return True
        return candidate.after_blank or candidate.key in {
            "subjective",
            "objective",
            "assessment",
            "plan",
            "impression",
        }

    def _leaves_problems(self, candidate: Candidate, kind: K) -> bool:  # noqa: PLR0911 - one rule a return
        single = " " not in candidate.key
        capital = self._header is not None and (
            (self._capital(candidate) and self._header.caps)
            or (candidate.decorated and self._header.decorated)
        )
        header_level = self._header.level if self._header is not None else 0
        if candidate.marker is not Marker.NONE and not self._numbered():
            return self._capital(candidate) and kind not in _PLANNED and kind not in _PLANS
        if candidate.level and header_level:
            return candidate.level <= header_level
        if self._kind is K.ASSESSMENT_AND_PLAN and kind in (K.ASSESSMENT, K.PLAN):
            return (capital or candidate.alone) and candidate.after_blank and not candidate.inline
        if self._kind is K.PLAN and kind is K.PLAN:
            return capital and candidate.after_blank
        if candidate.key in _STAYS_IN_PLAN and self._kind in _PLANS:
            return False
        if kind in _PLANNED and self._kind in _PLANS:
            if candidate.inline:
                return capital and not single
            alone = candidate.alone and candidate.after_blank
            return capital or alone or (not single and kind is not K.OTHER)
        return True

    def _sub(self, candidate: Candidate, sub: SubTitle) -> K | None:  # noqa: PLR0911 - one rule a return
        followed = candidate.delimiter in (Delimiter.COLON, Delimiter.DASH)
        exam_in_line = sub is SubTitle.REGION and self._kind is K.VITAL_SIGNS
        if not followed or (candidate.inline and not exam_in_line):
            return None
        if candidate.marker is not Marker.NONE:
            return None
        if sub is SubTitle.AXIS:
            return K.DIAGNOSES
        if sub is SubTitle.REGION:
            return K.PHYSICAL_EXAM if self._kind in _BEFORE_EXAM else None
        if sub is SubTitle.VITAL:
            measured = _DIGIT_SOON.match(self._text, candidate.body) is not None
            before = self._kind in _BEFORE_EXAM and self._kind is not K.VITAL_SIGNS
            return K.VITAL_SIGNS if measured and before else None
        if sub is SubTitle.HABIT:
            return K.SOCIAL_HISTORY if self._kind in _LISTED and self._kind is not K.SOCIAL_HISTORY else None
        if sub is SubTitle.STUDY and self._capital(candidate) and self._kind in _BEFORE_EXAM:
            return K.LABORATORY
        return None

    def _unknown(self, candidate: Candidate) -> K | None:
        if candidate.inline or len(candidate.key) < 4 or candidate.marker is not Marker.NONE:
            return None
        if candidate.level:
            header_level = self._header.level if self._header is not None else 0
            inside = self._kind in PROBLEM_KINDS and (header_level == 0 or candidate.level > header_level)
            stays = inside or (self._kind in PROBLEM_KINDS and candidate.level < header_level == 2)
            return None if stays or (self._kind in _DIVIDED and candidate.level > header_level) else K.OTHER
        if self._kind in _DIVIDED:
            return None
        heading = candidate.decorated and candidate.alone and candidate.after_blank
        capital = self._capital(candidate) and candidate.delimiter is Delimiter.COLON
        if not heading and not capital:
            return None
        if self._kind in _LISTED and not candidate.after_blank:
            return None
        return K.OTHER

    def _capital(self, candidate: Candidate) -> bool:
        return candidate.caps and not self._capitals

    def _numbered(self) -> bool:
        return self._header is not None and self._header.marker is not Marker.NONE
