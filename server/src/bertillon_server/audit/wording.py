"""A query as one text that can be sent: what was found, the question, the answers."""

from __future__ import annotations

from collections.abc import Sequence

from bertillon_server.audit.values import Query

ALWAYS = ("other (please specify)", "unable to determine")


def options_of(query: Query) -> tuple[str, ...]:
    """Return the answers that are offered, the two that always are at the end."""
    return (*query.options, *ALWAYS)


def query_text(query: Query, quotes: Sequence[str]) -> str:
    """Return indicators, question and answers."""
    indicators = [f'- "{" ".join(quote.split())}"' for quote in dict.fromkeys(quotes)]
    options = [f"[ ] {option}" for option in options_of(query)]
    lines = ["Clinical indicators in the documentation:", *indicators, "", query.question]
    lines.append("Please document your answer in the record, by your own clinical judgment:")
    return "\n".join([*lines, *options])
