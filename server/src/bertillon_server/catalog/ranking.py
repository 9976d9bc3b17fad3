"""Turns what somebody types into a full-text query, and orders what it finds.

BM25 alone puts rare siblings before the common code. The order here prefers a term that *is* the query, with
non-essential modifiers in parentheses and "unspecified" or "NOS" set aside, then terms of which the query is
the larger part, then unspecified codes over codes for what is specified elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_WORDS = 24  # no term has more words that matter; bounds the work of a query
_LONGEST_WORD = 64  # characters
_LEAST_PREFIX = 2  # characters; one letter begins half of the terms
_LONGEST_QUERY = 2_000  # characters; the contract allows 500
# Words that a query may have and the term not; "with" and "without" are never dropped, they decide codes.
_IDLE_WORDS = frozenset("a an and by for in of on or the to".split())
_WORD = re.compile(r"[^\W_]+")
# ICD-10-CM from its second character on; of other systems, whatever is short and has a digit.
_CODE_PREFIX = re.compile(r"[A-Z]\d[0-9A-Z]?(?:\.?[0-9A-Z]{0,4})?|(?=[A-Z]*\d)[0-9A-Z]{2,16}")
# What does not tell a term from the query: modifiers in parentheses, and words for "nothing more is known".
_ASIDE = re.compile(
    r"\([^)]*\)|\[[^\]]*\]|\bunspecified(?:\s+(?:organism|type|site))?\b|\bnos\b|\bmellitus\b"
    r"|\bwithout complications?\b|\buncomplicated\b",
    re.IGNORECASE,
)
_COMMON = re.compile(r"\bunspecified\b|\bnos\b|\bwithout complications?\b|\buncomplicated\b", re.IGNORECASE)

_EXACT, _BEGINS, _SHARE, _TITLE, _UNSPECIFIED = 12.0, 2.0, 6.0, 0.75, 1.0
_LEAST_LIKELY = 1.5
# Chapters whose codes are rarely what a bare term means: pregnancy, newborn, congenital, external causes.
_SPECIAL_CHAPTERS = frozenset({"15", "16", "17", "20"})


@dataclass(frozen=True, slots=True)
class Query:
    """The words of a query that count, each with its forms; `prefix`: the last is the beginning of a word."""

    words: tuple[str, ...]
    forms: tuple[frozenset[str], ...]
    prefix: bool

    @property
    def match(self) -> str | None:
        """The query in full-text syntax, every word required; None when it holds no word."""
        if not self.words:
            return None
        parts = [[quoted(form) for form in sorted(forms)] for forms in self.forms]
        if self.prefix:
            parts[-1].append(quoted(self.words[-1]) + " *")
        return " AND ".join(f"({' OR '.join(forms)})" for forms in parts)

    def begins(self, held: Sequence[str]) -> bool:
        """Whether the words of a term begin with the query's, in order."""
        return len(held) >= len(self.forms) and all(
            word in forms for word, forms in zip(held, self.forms, strict=False)
        )

    def is_all_of(self, held: Sequence[str]) -> bool:
        """Whether the words of a term are the query's, in order."""
        return len(held) == len(self.forms) and self.begins(held)

    def matches(self, held: Sequence[str]) -> list[bool]:
        """Tell for each word whether it is among the words of a term."""
        found = [not forms.isdisjoint(held) for forms in self.forms]
        if self.prefix and found and not found[-1]:
            found[-1] = any(word.startswith(self.words[-1]) for word in held)
        return found

    def missing_from(self, held: Sequence[str]) -> Query:
        """Return the query without the words that a term holds."""
        left = [index for index, found in enumerate(self.matches(held)) if not found]
        return Query(
            tuple(self.words[index] for index in left),
            tuple(self.forms[index] for index in left),
            self.prefix and bool(left) and left[-1] == len(self.words) - 1,
        )


def quoted(word: str) -> str:
    """Quote a word so that the full-text syntax cannot read an operator into it."""
    return f'"{word}"'


def read_query(text: str, *, prefix: bool) -> Query:
    """Return the words of a query that count; none for a blank one, for symbols, and for idle words alone."""
    words = words_of(text[:_LONGEST_QUERY])[:_MOST_WORDS]
    kept = [word for word in words if word not in _IDLE_WORDS or (word == "a" and len(words) > 1)]
    prefix = prefix and bool(kept) and kept[-1] == words[-1] and len(kept[-1]) >= _LEAST_PREFIX
    return Query(tuple(kept), tuple(frozenset(_forms(word)) for word in kept), prefix)


def code_prefix(text: str) -> str | None:
    """Return the key that a query begins codes with (`e11.` gives E11), None when it cannot be a code."""
    folded = text.strip().upper()
    return folded.replace(".", "") if _CODE_PREFIX.fullmatch(folded) and folded.isascii() else None


def words_of(text: str) -> list[str]:
    """Return the words of a text as the index holds them: folded, without diacritics."""
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in folded if not unicodedata.combining(char))
    return [word[:_LONGEST_WORD] for word in _WORD.findall(text.lower())]


def score(query: Query, term: str, *, bm25: float, is_title: bool, chapter: str) -> float:
    """Return the relevance of a term that matches, higher is better; `bm25` as SQLite gives it (negative)."""
    core = _telling_words(_ASIDE.sub(" ", term))
    total = -bm25
    if query.is_all_of(core) or query.is_all_of(_telling_words(term)):
        total += _EXACT
    elif query.begins(core):
        total += _BEGINS
    total += _SHARE * sum(query.matches(core)) / max(len(core), len(query.words), 1)
    total += _TITLE if is_title else 0.0
    total += _UNSPECIFIED if _COMMON.search(term) else 0.0
    return total - (_LEAST_LIKELY if chapter in _SPECIAL_CHAPTERS else 0.0)


def _telling_words(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in _IDLE_WORDS]


def _forms(word: str) -> list[str]:
    """Return a word with its singular or plural; terms are written in either."""
    if len(word) < 4 or not word.isalpha():
        return [word]
    if word.endswith("ies"):
        return [word, word[:-3] + "y"]
    if word.endswith("s") and not word.endswith(("ss", "is", "us")):
        return [word, word[:-1]]
    if word.endswith("y"):
        return [word, word[:-1] + "ies"]
    return [word, word + "s"]
