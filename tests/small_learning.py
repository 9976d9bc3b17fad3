"""A handful of titles, terms, notes and fragments to learn from, in the words of the small bundle's tokenizer."""

from __future__ import annotations

from pathlib import Path

from bertillon_models.corpus import Annotation, CorpusNote
from bertillon_models.mention_lines import read_mention_line
from bertillon_models.training.examples import (
    LearnedWindow,
    TermBank,
    term_bank,
    window_of_line,
    windows_of_note,
)
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.sampling import Sampler
from bertillon_models.training.stems import Stems
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import Assertion, SectionKind
from bertillon_server.inference.tokenizer import Tokenizer
from small_bundle import write_tokenizer

TITLES = {
    "I50.1": "Left ventricular failure, unspecified",
    "I50.9": "Heart failure, unspecified",
    "I50.21": "Acute systolic (congestive) heart failure",
    "I50.22": "Chronic systolic (congestive) heart failure",
    "I50.23": "Acute on chronic systolic (congestive) heart failure",
    "N18": "Chronic kidney disease (CKD)",
    "N18.1": "Chronic kidney disease, stage 1",
    "N18.2": "Chronic kidney disease, stage 2 (mild)",
    "N18.9": "Chronic kidney disease, unspecified",
    "N18.31": "Chronic kidney disease, stage 3a",
    "R05": "Cough",
    "R05.1": "Acute cough",
    "R05.3": "Chronic cough",
    "R05.9": "Cough, unspecified",
    "R07.9": "Chest pain, unspecified",
}
TERMS = [
    ("heart failure", "I50.9"),
    ("failure of the heart", "I50.9"),
    ("acute heart failure", "I50.21"),
    ("acute failure of the heart", "I50.21"),
    ("chronic heart failure", "I50.22"),
    ("chronic failure of the heart", "I50.22"),
    ("chronic kidney disease", "N18.9"),
    ("kidney disease", "N18.9"),
    ("disease of the kidney", "N18.9"),
    ("kidney failure", "N18.9"),
    ("cough", "R05.9"),
    ("coughs", "R05.9"),
    ("acute cough", "R05.1"),
    ("chronic cough", "R05.3"),
    ("chest pain", "R07.9"),
    ("pain of the chest", "R07.9"),
]
# No procedures, but the words of the tokenizer for them.
PROCEDURES = Procedures(["chest", "heart of the kidney"])
LINES = [
    "no {{heart failure|I50.9}} of the acute disease",
    "the {{acute heart failure|I50.21}}, no cough",
    "{{chronic kidney disease|N18.9}} of the failure",
    "{{acute cough|R05.1}} - the {{chest pain|R07.9}}",
]


def small_tokenizer(folder: Path) -> Tokenizer:
    """Write the small bundle's tokenizer into a folder and read it."""
    return Tokenizer.from_file(write_tokenizer(folder / "tokenizer.json"))


def small_note(*pieces: str | tuple[str, str, Assertion, str]) -> CorpusNote:
    """Make a note of pieces of text and of mentions: words, code, assertion, and why it is not codeable."""
    text = ""
    annotations = []
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        words, code, assertion, reason = piece
        annotations.append(Annotation(Span(len(text), len(text) + len(words)), code, assertion, reason))
        text += words
    return CorpusNote({"note": "t-1", "specialty": "cardiology"}, text, tuple(annotations))


def small_notes() -> list[CorpusNote]:
    present, negated = Assertion.PRESENT, Assertion.NEGATED
    return [
        small_note("Assessment:\n1. ", ("heart failure", "I50.9", present, ""), " of the disease.\n"),
        small_note("Assessment:\n1. ", ("chronic cough", "R05.3", present, ""), " - the chest.\n"),
        small_note("HPI:\nno ", ("chest pain", "R07.9", negated, "negated"), " of the kidney disease.\n"),
        small_note("HPI:\nno heart of the kidney, no disease.\n"),
    ]


def small_bank(stems: Stems) -> TermBank:
    return term_bank(TERMS, stems)


def small_windows(tokenizer: Tokenizer, stems: Stems) -> tuple[list[LearnedWindow], list[LearnedWindow]]:
    """Return the windows of the notes and those of the fragments."""
    notes = [
        window for note in small_notes() for window in windows_of_note(note, tokenizer, stems, PROCEDURES)
    ]
    read = [read_mention_line(line, "here", TITLES) for line in LINES]
    lines = [window_of_line(line, SectionKind.ASSESSMENT, tokenizer, stems, PROCEDURES) for line in read]
    return notes, [line for line in lines if line is not None]


def small_sampler(tokenizer: Tokenizer, stems: Stems, seed: int = 1) -> Sampler:
    notes, lines = small_windows(tokenizer, stems)
    return Sampler(notes, lines, small_bank(stems), seed)
