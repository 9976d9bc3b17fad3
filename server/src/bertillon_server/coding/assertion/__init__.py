"""How a note asserts its mentions, by rules with scope and termination.

The way of a sentence, in the order to read the files: `rules` (the entry), `tokens` (words with classes),
`lexicon` (one pass that finds every cue), `scope` (which mentions a cue reaches), `signs` (plus, minus
and checkboxes) and `removal` (what an operation has taken out). The cues themselves are tables: `negation`,
`uncertainty`, `hypothesis`, `history`,
`experiencer` and `boundaries`, written in the pattern language of `cues`.
"""

from bertillon_server.coding.assertion.rules import AssertionRules, Judgement
from bertillon_server.coding.assertion.tokens import Tokens, tokenize

__all__ = ["AssertionRules", "Judgement", "Tokens", "tokenize"]
