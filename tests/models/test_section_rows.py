"""The tokens that name a section's kind begin with a meaning, as long as a word's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bertillon_models.training.section_rows import FIRST_ROW, LAST_ROW, with_named_sections
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.windows import kind_token
from small_bundle import random_weights
from small_learning import small_tokenizer


def test_each_kind_of_section_begins_as_the_mean_of_its_name(tmp_path: Path) -> None:
    tokenizer, weights = small_tokenizer(tmp_path), random_weights(1)
    named = with_named_sections(weights, tokenizer)
    usual = np.linalg.norm(weights.words, axis=1).mean()
    for kind in (SectionKind.PLAN, SectionKind.ASSESSMENT_AND_PLAN):
        row = named.words[kind_token(kind)]
        ids = tokenizer.encode([kind.name.replace("_", " ")], max_tokens=32)[0][1:-1]
        mean = weights.words[ids].mean(axis=0)
        assert np.isclose(np.linalg.norm(row), usual, rtol=1e-5)
        assert row @ mean / (np.linalg.norm(row) * np.linalg.norm(mean)) > 0.9999


def test_all_other_words_stay_as_they_are(tmp_path: Path) -> None:
    weights = random_weights(1)
    named = with_named_sections(weights, small_tokenizer(tmp_path))
    changed = (named.words != weights.words).any(axis=1)
    assert np.flatnonzero(changed).tolist() == list(range(FIRST_ROW, LAST_ROW))
    assert [kind_token(kind) for kind in SectionKind] == list(range(FIRST_ROW, LAST_ROW))
