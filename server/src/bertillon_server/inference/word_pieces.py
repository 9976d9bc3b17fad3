"""WordPiece in plain Python, for plain text: the tokens that the library gives, in half of its time.

Most words of a note are in the vocabulary as they stand, where a look-up does what the library needs a microsecond
for. Only text of which every step of the library is known in advance is read here: printable ASCII and a few signs,
as the uncased encoders of the BERT family split it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import tokenizers

# What a tokenizer must be for its steps to be those below.
_NORMALIZER = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
_PRE_TOKENIZER = {"type": "BertPreTokenizer"}
_MODEL = {
    "type": "WordPiece",
    "unk_token": "[UNK]",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
}

# Signs beyond ASCII that notes are full of and that normalizing leaves as they are: punctuation, of which each is a
# word, and symbols (degrees, times, arrows, comparisons), which are letters to the library.
_SIGNS = "\u00b7\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026"
_SYMBOLS = "\u00b0\u00b1\u00d7\u2190-\u2193\u2212\u2264\u2265"
_PLAIN = re.compile(rf"[\t\n\r -~{_SIGNS}{_SYMBOLS}]*+")
_WORD = re.compile(rf"[a-z0-9{_SYMBOLS}]++|[!-/:-@\[-`{{-~{_SIGNS}]")
# A longer word that is not in the vocabulary is left to the library: looking for its pieces takes their number times
# the length of the longest piece.
_LONGEST_WORD = 40

Pieces = tuple[list[int], list[int], list[int]]


class WordPieces:
    """The vocabulary of a tokenizer of the BERT family; read-only."""

    def __init__(self, vocabulary: Mapping[str, int], added: frozenset[str]) -> None:
        self._ids = dict(vocabulary)
        self._unknown = self._ids["[UNK]"]
        self._longest = max(map(len, self._ids))
        self._added = added

    @classmethod
    def of(cls, tokenizer: tokenizers.Tokenizer) -> WordPieces | None:
        """Return the pieces of a tokenizer, None where it is of another make."""
        made = json.loads(tokenizer.to_str())
        model = {name: value for name, value in made["model"].items() if name != "vocab"}
        if (made["normalizer"], made["pre_tokenizer"], model) != (_NORMALIZER, _PRE_TOKENIZER, _MODEL):
            return None
        added = frozenset(token["content"].lower() for token in made["added_tokens"])
        return cls(tokenizer.get_vocab(with_added_tokens=False), added)

    def split(self, text: str) -> Pieces | None:
        """Return the ids of a text's tokens, special ones left out, where each starts and where it ends.

        None where the text has to be left to the library.
        """
        if _PLAIN.fullmatch(text) is None:
            return None
        lowered = text.lower()
        if any(token in lowered for token in self._added):
            return None
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        known = self._ids.get
        for match in _WORD.finditer(lowered):
            number = known(match[0])
            start, end = match.span()
            if number is not None:
                ids.append(number)
                starts.append(start)
                ends.append(end)
                continue
            if end - start > _LONGEST_WORD:
                return None
            for number, first, last in self._pieces(match[0]):
                ids.append(number)
                starts.append(start + first)
                ends.append(start + last)
        return ids, starts, ends

    def _pieces(self, word: str) -> list[tuple[int, int, int]]:
        """Return id, start and end of the pieces of a word, each the longest that there is; else of the word."""
        known = self._ids.get
        pieces = []
        start, size = 0, len(word)
        while start < size:
            for end in range(min(size, start + self._longest), start, -1):
                number = known(f"##{word[start:end]}" if start else word[:end])
                if number is not None:
                    pieces.append((number, start, end))
                    start = end
                    break
            else:
                return [(self._unknown, 0, size)]
        return pieces
