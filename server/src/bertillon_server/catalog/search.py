"""Lexical search over the titles, includes and inclusion terms of one release: typeahead."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from bertillon_server.catalog.codes import SearchHit
from bertillon_server.catalog.ranking import Query, code_prefix, read_query, score, words_of
from bertillon_server.catalog.schema import terms_table
from bertillon_server.catalog.table import CodeTable

# Terms taken by BM25 before they are put in order; what a one-word query means is among the shortest terms,
# and those BM25 prefers.
_CANDIDATES = 300
_EXTENSION_WEIGHT = 0.1  # of a word of the 7th character against a word of the term
_CODE_SCORE = 1_000.0  # above any term: what looks like a code is one


def search_codes(
    connection: sqlite3.Connection,
    release: int,
    table: CodeTable,
    text: str,
    *,
    limit: int,
    prefix: bool,
    billable_only: bool,
) -> list[SearchHit]:
    """Return hits best first, one for each code: codes that begin as the query does, then terms."""
    hits: dict[int, SearchHit] = {}
    for position, term, points in (
        *_by_code(connection, release, table, text, limit, billable_only=billable_only),
        *_by_terms(connection, release, table, read_query(text, prefix=prefix), billable_only=billable_only),
    ):
        if len(hits) >= limit:
            break
        if position not in hits:
            hits[position] = SearchHit(
                table.codes[position], table.titles[position], bool(table.billable[position]), term, points
            )
    return list(hits.values())


def _by_code(
    connection: sqlite3.Connection,
    release: int,
    table: CodeTable,
    text: str,
    limit: int,
    *,
    billable_only: bool,
) -> Iterator[tuple[int, str, float]]:
    key = code_prefix(text)
    if key is None:
        return
    rows = connection.execute(
        "SELECT position FROM code WHERE release = ? AND key >= ? AND key < ? AND (billable OR NOT ?)"
        " AND kind NOT IN ('block', 'chapter') ORDER BY position LIMIT ?",
        (release, key, key + "~", billable_only, limit),
    )
    for index, (position,) in enumerate(rows):
        yield position, table.titles[position], _CODE_SCORE - index


def _by_terms(
    connection: sqlite3.Connection, release: int, table: CodeTable, query: Query, *, billable_only: bool
) -> list[tuple[int, str, float]]:
    if query.match is None:
        return []
    name = terms_table(release)
    rows = connection.execute(
        f"SELECT term.position, term.text, found.bm25 FROM (SELECT rowid, bm25({name}, 1.0, ?) AS bm25"  # noqa: S608 (a number)
        f" FROM {name} WHERE {name} MATCH ? ORDER BY bm25 LIMIT ?) AS found JOIN term ON term.id = found.rowid",
        (_EXTENSION_WEIGHT, query.match, _CANDIDATES),
    )
    found: list[tuple[int, str, float]] = []
    for position, text, bm25 in rows:
        term = text if text is not None else table.titles[position]
        chapter = table.codes[table.chapters[position]]
        points = score(query, term, bm25=bm25, is_title=text is None, chapter=chapter)
        reached = _extended(table, position, term, query, billable_only=billable_only)
        if table.billable[reached] or not billable_only:
            found.append((reached, term, points))
    return sorted(found, key=lambda hit: (-hit[2], hit[0]))


def _extended(table: CodeTable, position: int, term: str, query: Query, *, billable_only: bool) -> int:
    """Return the code with the 7th character that the query asks for, where it asks for one.

    It does when some of its words are in the meaning of a 7th character and not in the term. With
    `billable_only` the first value (the initial encounter, as a rule) stands for all of them.
    """
    extensions = table.extensions(position)
    if not extensions:
        return position
    missing = query.missing_from(words_of(term))
    if not missing.words:
        return extensions[0] if billable_only else position
    return max(
        extensions,
        key=lambda extension: (sum(missing.matches(words_of(table.titles[extension]))), -extension),
    )
