"""CatalogService: codes by name, by words and by meaning."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Final

from bertillon.coding.v1 import catalog_service_pb2 as pb
from bertillon.coding.v1 import catalog_service_pb2_grpc as pb_grpc
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api import enums
from bertillon_server.api.context import Context, call_of
from bertillon_server.api.convert import notices
from bertillon_server.api.errors import CodeNotFoundError
from bertillon_server.api.ports import NoteCoder
from bertillon_server.api.validation import ValidLookup, ValidSearch, valid_lookup, valid_search
from bertillon_server.catalog.codes import CodeEntry, Period, Release, SearchHit
from bertillon_server.catalog.flags import CodeFlags, Edit
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.results import Notice
from bertillon_server.inference.call import Call, Priority

# Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009, who found 60 to be good across collections).
_FUSION_RANK: Final = 60
# Codes fetched by meaning for each hit wanted, where those that may not be reported are left out afterwards.
_OVERFETCH: Final = 4


class CatalogService(pb_grpc.CatalogServiceServicer):
    """Servicer of `bertillon.coding.v1.CatalogService`. Queries of the catalog run in `executor`."""

    def __init__(self, *, catalog: Current[Catalog], coder: NoteCoder, executor: Executor) -> None:
        self._catalog = catalog
        self._coder = coder
        self._executor = executor

    async def GetCode(  # noqa: N802 - named by the contract
        self,
        request: pb.GetCodeRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.GetCodeResponse:
        """Look one code up."""
        with self._catalog.kept() as catalog:
            lookup = valid_lookup(request, catalog.systems())
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, _described, catalog, lookup)

    async def SearchCodes(  # noqa: N802
        self, request: pb.SearchCodesRequest, context: Context
    ) -> pb.SearchCodesResponse:
        """Search by words, by meaning or by both."""
        with self._catalog.kept() as catalog:
            return await self._found(catalog, valid_search(request, catalog.systems()), context)

    async def _found(self, catalog: Catalog, search: ValidSearch, context: Context) -> pb.SearchCodesResponse:
        loop = asyncio.get_running_loop()
        release, remarks = _release(catalog, search.system, search.date_of_service)
        by_words: list[SearchHit] = []
        by_meaning: list[SearchHit] = []
        if search.mode != pb.SEARCH_MODE_SEMANTIC:
            by_words = await loop.run_in_executor(self._executor, self._by_words, catalog, search, release)
        if search.mode != pb.SEARCH_MODE_TYPEAHEAD:
            call = call_of(context, Priority.INTERACTIVE)
            by_meaning = await self._by_meaning(catalog, search, release, call)
        hits = (
            fused((by_words, by_meaning)) if search.mode == pb.SEARCH_MODE_HYBRID else by_words or by_meaning
        )
        return pb.SearchCodesResponse(
            hits=[
                pb.SearchHit(
                    code=_code(release, hit.code),
                    title=hit.title,
                    billable=hit.billable,
                    matched_term=hit.matched_term,
                    score=hit.score,
                )
                for hit in hits[: search.limit]
            ],
            notices=notices(remarks),
        )

    def _by_words(self, catalog: Catalog, search: ValidSearch, release: Release) -> list[SearchHit]:
        """Search titles and inclusion terms; what the query is an abbreviation or a lay name of goes first."""
        hits = catalog.search(
            release.system,
            release.version,
            search.query,
            limit=search.limit,
            billable_only=search.billable_only,
        )
        table = catalog.code_table(release.system, release.version)
        dates = _asked(release, search.date_of_service)
        hits = [dataclasses.replace(hit, billable=table.is_billable_in(hit.code, *dates)) for hit in hits]
        known = self._coder.search_terms(search.query, release.system, release.version)
        best = max((hit.score for hit in hits), default=0.0)
        named = [
            SearchHit(code, title, table.is_billable_in(code, *dates), title, best + len(known) - place)
            for place, (code, title) in enumerate(known)
        ]
        codes = {hit.code for hit in named}
        found = [*named, *(hit for hit in hits if hit.code not in codes)]
        return [hit for hit in found if hit.billable or not search.billable_only][: search.limit]

    async def _by_meaning(
        self, catalog: Catalog, search: ValidSearch, release: Release, call: Call
    ) -> list[SearchHit]:
        wanted = search.limit * (_OVERFETCH if search.billable_only else 1)
        found = await self._coder.search_semantic(search.query, release.system, release.version, wanted, call)
        loop = asyncio.get_running_loop()
        table = await loop.run_in_executor(
            self._executor, catalog.code_table, release.system, release.version
        )
        dates = _asked(release, search.date_of_service)
        hits = [
            SearchHit(code, title, table.is_billable_in(code, *dates), title, score)
            for code, title, score in found
            if code in table
        ]
        return [hit for hit in hits if hit.billable or not search.billable_only][: search.limit]


def _described(catalog: Catalog, lookup: ValidLookup) -> pb.GetCodeResponse:
    release, remarks = _release(catalog, lookup.system, lookup.date_of_service)
    at = (release.system, release.version, lookup.code)
    entry = catalog.get(*at)
    if entry is None:
        raise CodeNotFoundError
    first, last = _asked(release, lookup.date_of_service)
    period = entry.period or Period(None, None)
    flags = catalog.flags(*at, lookup.date_of_service)
    return pb.GetCodeResponse(
        code=_code(release, entry.code),
        title=entry.title,
        billable=entry.billable and period.overlaps(first, last),
        ancestors=_titles(catalog.ancestors(*at)),
        children=_titles(catalog.children(*at)),
        notes=[
            pb.InstructionalNote(
                kind=enums.NOTE_KIND_VALUE[note.kind], text=note.text, stated_at=note.stated_at
            )
            for note in catalog.notes(*at)
        ],
        seventh_characters=[
            pb.SeventhCharacter(character=value.character, meaning=value.meaning)
            for value in catalog.seventh_characters(*at)
        ],
        valid_from=release.valid_from.isoformat(),
        valid_to=_iso(release.valid_to),
        notices=notices(remarks),
        code_valid_from=_iso(period.valid_from),
        code_valid_to=_iso(period.valid_to),
        flags=None if flags is None else _flags(flags),
    )


def _release(catalog: Catalog, system: str, date: dt.date | None) -> tuple[Release, list[Notice]]:
    choice = catalog.release_for(system, date)
    version = choice.release.version
    if choice.defaulted:
        message = f"no date of service was sent; the newest release of {system}, {version}, was used"
        return choice.release, [Notice("DEFAULT_RELEASE", message)]
    if not choice.exact:
        message = f"no release of {system} covers the date of service; the nearest, {version}, was used"
        return choice.release, [Notice("NEAREST_RELEASE", message)]
    return choice.release, []


def fused(rankings: Iterable[Sequence[SearchHit]]) -> list[SearchHit]:
    """Merge rankings by reciprocal rank; a hit keeps the matched term of the ranking that comes first."""
    scores: dict[str, float] = {}
    hits: dict[str, SearchHit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.code] = scores.get(hit.code, 0.0) + 1.0 / (_FUSION_RANK + rank)
            hits.setdefault(hit.code, hit)
    ordered = sorted(hits.values(), key=lambda hit: (-scores[hit.code], hit.code))
    return [
        SearchHit(hit.code, hit.title, hit.billable, hit.matched_term, scores[hit.code]) for hit in ordered
    ]


def _asked(release: Release, date: dt.date | None) -> tuple[dt.date, dt.date | None]:
    """Return the dates on which a code has to be in force: the date of service, or any of the release's."""
    return (date, date) if date is not None else (release.valid_from, release.valid_to)


def _flags(flags: CodeFlags) -> pb.CodeFlags:
    return pb.CodeFlags(
        hcc_v24=flags.hcc_v24,
        hcc_v28=flags.hcc_v28,
        poa_exempt=flags.poa_exempt,
        complication=enums.COMPLICATION_VALUE[flags.complication]
        if flags.complication
        else pb.COMPLICATION_LEVEL_UNSPECIFIED,
        edits=[enums.EDIT_VALUE[edit] for edit in Edit if edit in flags.edits],
        ages=None
        if flags.age_years is None
        else pb.AgeRange(first_years=flags.age_years[0], last_years=flags.age_years[1]),
        sex=enums.SEX_EDIT_VALUE[flags.sex] if flags.sex else types.SEX_UNSPECIFIED,
        sources=[
            pb.FlagSource(
                list=enums.FLAG_LIST_VALUE[source.kind], version=source.version, in_force=source.exact
            )
            for source in flags.sources
        ],
    )


def _iso(date: dt.date | None) -> str:
    return "" if date is None else date.isoformat()


def _code(release: Release, code: str) -> types.Code:
    return types.Code(system=release.system, code=code, version=release.version)


def _titles(entries: Iterable[CodeEntry]) -> list[pb.CodeTitle]:
    return [pb.CodeTitle(code=entry.code, title=entry.title) for entry in entries]
