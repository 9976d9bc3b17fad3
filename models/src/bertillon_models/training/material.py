"""All that a run of training reads, from the folders that its command was given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bertillon_models.code_set import CodeTable, read_code_table
from bertillon_models.corpus import read_corpus
from bertillon_models.dequantise import weights_of
from bertillon_models.mention_lines import read_mention_lines
from bertillon_models.options import TERMS
from bertillon_models.splits import Split, code_is_held_out, fragment_split, note_split
from bertillon_models.terms import read_lexicon, read_terminology
from bertillon_models.training.examples import (
    LearnedWindow,
    TermBank,
    term_bank,
    window_of_line,
    windows_of_note,
)
from bertillon_models.training.procedures import Procedures
from bertillon_models.training.section_rows import with_named_sections
from bertillon_models.training.stems import Stems
from bertillon_models.weights import TOKENIZER_FILE, EncoderWeights
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.tokenizer import Tokenizer

# A fragment may stand in any of these; the kinds take turns.
LINE_KINDS = (
    SectionKind.ASSESSMENT_AND_PLAN,
    SectionKind.ASSESSMENT,
    SectionKind.HISTORY_OF_PRESENT_ILLNESS,
    SectionKind.UNSPECIFIED,
    SectionKind.PAST_MEDICAL_HISTORY,
    SectionKind.DIAGNOSES,
)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run reads: weights to begin from, data sets, corpus and lexicon."""

    weights: Path
    data: Path
    corpus: Path
    lexicon: Path


@dataclass(frozen=True, slots=True)
class Material:
    """What is learned from: windows of notes, fragments and terms; and what it is read with."""

    weights: EncoderWeights
    tokenizer: Tokenizer
    codes: CodeTable
    stems: Stems
    procedures: Procedures
    bank: TermBank
    notes: list[LearnedWindow]
    lines: list[LearnedWindow]


def read_material(folders: Folders) -> Material:
    """Read everything; raises DataError, WeightsError, OSError or ValueError where something cannot be used."""
    tokenizer = Tokenizer.from_file(folders.weights / TOKENIZER_FILE)
    codes = read_code_table()
    stems = Stems(codes.titles)
    procedures = Procedures.read(folders.lexicon)
    terms = [*read_terminology(folders.data / TERMS), *read_lexicon(folders.lexicon)]
    bank = term_bank(
        (
            (term.text, term.code)
            for term in terms
            if term.code in codes.titles and term.code[0] not in "VWXY"
        ),
        stems,
    )
    notes = [
        _without_held_out(window)
        for path in sorted(folders.corpus.glob("*.txt"))
        for note in read_corpus(path, codes.billable)
        if note_split(note.fields["note"], note.fields["specialty"]) is Split.TRAIN
        for window in windows_of_note(note, tokenizer, stems, procedures)
    ]
    lines: list[LearnedWindow] = []
    for path in sorted((folders.corpus / "mentions").glob("*.txt")):
        for line in read_mention_lines(path, codes.billable):
            if fragment_split(line.text, [code for _, code in line.mentions]) is Split.TRAIN:
                kind = LINE_KINDS[len(lines) % len(LINE_KINDS)]
                window = window_of_line(line, kind, tokenizer, stems, procedures)
                if window is not None:
                    lines.append(window)
    weights = _beginning(folders.weights, tokenizer)
    return Material(weights, tokenizer, codes, stems, procedures, bank, notes, lines)


def _beginning(folder: Path, tokenizer: Tokenizer) -> EncoderWeights:
    """Return the weights that training begins from: of general ones, the tokens of sections are given a meaning."""
    weights = weights_of(folder)
    return with_named_sections(weights, tokenizer) if weights.heads is None else weights


def _without_held_out(window: LearnedWindow) -> LearnedWindow:
    kept = tuple(mention for mention in window.mentions if not code_is_held_out(mention.code))
    return replace(window, mentions=kept)
