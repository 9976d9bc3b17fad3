"""Words of a text and their canonical forms, on which terms are matched.

Terms of the code set and the text of a note pass through the same door, so a form needs to be consistent, not
pretty: "Alzheimer's" becomes `alzheimer`, "oedema" `edema`, "renal" `kidney`. Offsets always point into the
text as it was given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from bertillon_server.coding.spans import Span

# A word: letters and digits, with an inner decimal point or percent kept apart. Underscore is no letter here.
_WORD = re.compile(r"[^\W_]+")

# A number that is written onto the abbreviation or word it belongs to: "CKD3", "DM2", "stage3a". A closed list,
# because elsewhere letters and digits are one name ("B12", "T2DM", "L5").
_GLUED = re.compile(
    r"(ckd|dm|cin|vin|ain|gold|nyha|stage|grade|type|class)(\d[a-d]?|i{2,3}|iv)", re.IGNORECASE
)

# A word longer than this is no term of any code set; it is kept as a word and never matches.
MAX_WORD_CHARS = 40

# Words that carry no meaning of their own in a term: they may come, go and change place.
_SILENT = frozenset(
    """
    of the in with and to for by on at an or due s as nos nec unspecified other specified type site
    part side elsewhere classified its their his her mellitus
    """.split()
)
_LATERALITY = {
    "right": "right",
    "left": "left",
    "bilateral": "bilateral",
    "rt": "right",
    "lt": "left",
    "bilat": "bilateral",
    "bilaterally": "bilateral",
}
_SIDES = frozenset(_LATERALITY.values())

# A side as one capital letter ("R knee", "L hip"); in lower case the letters are units and list marks.
_SIDE_LETTERS = {"R": "right", "L": "left"}

# Words that mean the same in a term, written by us. Left: as met; right: as matched.
_SAME_PAIRS = dict(
    pair.split(":")
    for pair in """
    renal:kidney nephritic:kidney hepatic:liver pulmonary:lung cardiac:heart gastric:stomach
    cutaneous:skin cerebral:brain cranial:skull ocular:eye ophthalmic:eye otic:ear aural:ear
    nasal:nose lingual:tongue vesical:bladder uterine:uterus ovarian:ovary testicular:testis
    testes:testis testicle:testis prostatic:prostate mammary:breast pancreatic:pancreas
    splenic:spleen colonic:colon esophageal:esophagus rectal:rectum anal:anus duodenal:duodenum
    ileal:ileum jejunal:jejunum biliary:bile laryngeal:larynx pharyngeal:pharynx tracheal:trachea
    bronchial:bronchus pleural:pleura vertebral:vertebra vertebrae:vertebra femoral:femur
    tibial:tibia fibular:fibula humeral:humerus ulnar:ulna patellar:patella pelvic:pelvis
    sacral:sacrum clavicular:clavicle mandibular:mandible maxillary:maxilla abdominal:abdomen
    thoracic:thorax valvular:valve valvar:valve atrial:atrium ventricular:ventricle arterial:artery
    venous:vein ureteral:ureter ureteric:ureter urethral:urethra vaginal:vagina vulvar:vulva
    penile:penis scrotal:scrotum umbilical:umbilicus inguinal:groin axillary:axilla
    thyroidal:thyroid adrenals:adrenal tumor:neoplasm tumour:neoplasm tumoral:neoplasm
    neoplasia:neoplasm neoplastic:neoplasm cancerous:cancer malignancy:cancer metastases:metastasis
    metastatic:metastasis mets:metastasis hx:history hist:history flare:exacerbation fx:fracture fxs:fracture
    fractured:fracture dislocated:dislocation infected:infection infectious:infection
    inflamed:inflammation painful:pain pains:pain swollen:swelling calculi:calculus stone:calculus
    lithiasis:calculus stones:calculus diverticula:diverticulum emboli:embolism embolus:embolism
    thrombi:thrombosis thrombus:thrombosis htn:hypertension hypertensive:hypertension
    hypotensive:hypotension diabetic:diabetes dm:diabetes anemic:anemia septic:sepsis obese:obesity
    depressive:depression depressed:depression asthmatic:asthma cirrhotic:cirrhosis
    epileptic:epilepsy anxious:anxiety failing:failure cva:stroke ca:cancer disorder:disease
    disorders:disease dyspnoea:dyspnea adenopathy:lymphadenopathy adenopathies:lymphadenopathy
    arrythmia:arrhythmia tb:tuberculosis syncopal:syncope febrile:fever icteric:jaundice
    icterus:jaundice haematuria:hematuria oedematous:edema edematous:edema
    hypothyroid:hypothyroidism hyperthyroid:hyperthyroidism osteoporotic:osteoporosis
    arthritic:arthritis psoriatic:psoriasis alcoholic:alcohol ethanol:alcohol etoh:alcohol
    varices:varix varicose:varix polyps:polyp polyposis:polyposis cysts:cyst calcified:calcification
    stenotic:stenosis ulcers:ulcer ulcerated:ulcer ulceration:ulcer necrotic:necrosis
    perforated:perforation ruptured:rupture obstructed:obstruction herniated:hernia
    herniation:hernia ischaemic:ischemia ischemic:ischemia hemorrhagic:hemorrhage
    bleeding:hemorrhage bleed:hemorrhage i:1 ii:2 iii:3 iv:4
    """.split()
)


def _singular(form: str) -> str:
    """Strip a plural ending; wrong on some words, but alike on both sides of a match."""
    if len(form) <= 3 or not form.endswith("s") or form.endswith(("ss", "us", "is")):
        return form
    if form.endswith("ies") and len(form) > 4:
        return form[:-3] + "y"
    if form.endswith(("ches", "shes", "sses", "xes")):
        return form[:-2]
    return form[:-1]


# Both sides of a pair go through the plural rule, as every other word does.
_SAME = {_singular(met): _singular(matched) for met, matched in _SAME_PAIRS.items()}

# British spellings that are a plain rewriting of American ones.
_BRITISH = re.compile(r"^oe(?=d|s)|(?<=f)oe(?=t)|(?<=rrh)oe|(?<=pn)oe|ae(?=m|st|cal|cum|d)")


_END = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, n of them.

    `places` are their ranges in code points, and `starts` and `ends` int32 [n] the same as arrays: a place is asked
    for one by one, and many at once. `forms` are the canonical forms; `upper` tells which words are
    written in capitals; `full` uint64 [n] hashes of the forms, silent words 0; `plain` the same with words of
    laterality silenced too.
    """

    places: tuple[tuple[int, int], ...]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    forms: tuple[str, ...] = field(repr=False)
    upper: NDArray[np.bool_]
    full: NDArray[np.uint64]
    plain: NDArray[np.uint64]

    def span(self, first: int, last: int) -> Span:
        """Return where the words `[first, last)` stand; there is at least one."""
        return Span(self.places[first][0], self.places[last - 1][1])

    def gap(self, i: int, text: str) -> str:
        """Return what stands between the word before word `i` and this one."""
        return text[self.places[i - 1][1] : self.places[i][0]]

    def beginning_at(self, point: int) -> int:
        """Return the index of the first word that begins at a point of the text or after it."""
        return bisect_left(self.places, (point,))

    def ending_after(self, point: int) -> int:
        """Return the index of the first word that ends after a point of the text."""
        return bisect_right(self.places, point, key=_END)

    def without(self, spans: Iterable[Span]) -> Words:
        """Return the same words, those in the spans emptied: they stand where they stood and match nothing."""
        ranges = [(self.beginning_at(span.start), self.ending_after(span.end)) for span in spans]
        if not any(first < last for first, last in ranges):
            return self
        emptied = np.zeros(len(self.forms), np.bool_)
        for first, last in ranges:
            emptied[first:last] = True
        return replace(
            self,
            forms=tuple(
                "" if gone else form for form, gone in zip(self.forms, emptied.tolist(), strict=True)
            ),
            full=np.where(emptied, np.uint64(0), self.full),
            plain=np.where(emptied, np.uint64(0), self.plain),
        )


def words_of(text: str, start: int = 0, end: int | None = None) -> Words:
    """Return the words of `text[start:end]`, offsets relative to the whole text."""
    places = tuple(_places(text, start, len(text) if end is None else end))
    written = [text[first:last] for first, last in places]
    # Texts repeat their words; what is known of one is forgotten with the call.
    form_of = {word: _form(word) for word in set(written)}
    hashes_of = {form: _hashes(form) for form in set(form_of.values())}
    forms = tuple(form_of[word] for word in written)
    bounds = np.array(places, np.int32).reshape(-1, 2)
    hashes = np.array([hashes_of[form] for form in forms], np.uint64).reshape(-1, 2)
    return Words(
        places=places,
        starts=np.ascontiguousarray(bounds[:, 0]),
        ends=np.ascontiguousarray(bounds[:, 1]),
        forms=forms,
        upper=np.array([word.isupper() for word in written], np.bool_),
        full=np.ascontiguousarray(hashes[:, 0]),
        plain=np.ascontiguousarray(hashes[:, 1]),
    )


def _form(word: str) -> str:
    return _SIDE_LETTERS.get(word) or canonical(word)


def written_words(text: str) -> list[str]:
    """Return the words of a text as they are written, in order."""
    return [text[first:last] for first, last in _places(text, 0, len(text))]


def counted_form(word: str) -> str:
    """Return the form under which a word as written is matched; empty for one that carries no meaning of its own."""
    form = _form(word)
    return "" if form in _SILENT else form


def _places(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each word stands, a number apart from what it is written onto."""
    for match in _WORD.finditer(text, start, end):
        word = match.group()
        # Most words are letters alone, and so no number is written onto them; "i" ends few of those that one is.
        plain = word.isascii() and word.isalpha() and word[-1] not in "iIvV"
        glued = None if plain else _GLUED.fullmatch(word)
        if glued is None:
            yield match.span()
        else:
            cut = match.start() + glued.end(1)
            yield match.start(), cut
            yield cut, match.end()


def canonical(word: str) -> str:
    """Return the form under which a word is matched."""
    if len(word) > MAX_WORD_CHARS:
        return ""
    form = word.lower()
    if not form.isascii():
        decomposed = unicodedata.normalize("NFKD", form)
        form = "".join(c for c in decomposed if not unicodedata.combining(c))
    if "ae" in form or "oe" in form:
        form = _BRITISH.sub("e", form)
    if form in _LATERALITY:
        return _LATERALITY[form]
    if form[-1:] == "s":
        form = _singular(form)
    return _SAME.get(form, form)


def _hashes(form: str) -> tuple[int, int]:
    if not form or form in _SILENT:
        return 0, 0
    digest = int.from_bytes(blake2b(form.encode(), digest_size=8).digest(), "little")
    return digest, 0 if form in _SIDES else digest
