"""The embeddings of the tokens that tell the encoder which kind of section it reads.

Published vocabularies keep these tokens unused: their embeddings mean nothing and are half as long as those of words.
They begin as the mean of the words of the section's name, as long as a word usually is, and are trained, while the
embeddings of words stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bertillon_models.weights import EncoderWeights
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.coding.windows import kind_token
from bertillon_server.inference.tokenizer import Tokenizer

_TOKENS = sorted(kind_token(kind) for kind in SectionKind)
FIRST_ROW, LAST_ROW = _TOKENS[0], _TOKENS[-1] + 1
"""The half-open range of the tokens in the vocabulary."""


def with_named_sections(weights: EncoderWeights, tokenizer: Tokenizer) -> EncoderWeights:
    """Return weights in which the token of each kind of section means what its name does."""
    words = weights.words.copy()
    lengths = np.linalg.norm(words, axis=1)
    usual = float(lengths[lengths > 0].mean())
    names = [kind.name.replace("_", " ").lower() for kind in SectionKind]
    for kind, ids in zip(SectionKind, tokenizer.encode(names, max_tokens=32), strict=True):
        mean = weights.words[ids[1:-1]].mean(axis=0)
        words[kind_token(kind)] = mean * (usual / max(float(np.linalg.norm(mean)), 1e-9))
    return replace(weights, words=words)
