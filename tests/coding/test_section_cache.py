"""Text that is copied forward: coded once, found again wherever it stands, and alike with and without the cache."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.packing import pack, unpack
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.processes import ElsewhereError, Processes
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import (
    CodingOptions,
    Event,
    NoteInput,
    Outline,
    Section,
    SectionResult,
    Timings,
    Versions,
)
from bertillon_server.coding.section_cache import ENTRY_BYTES, LookUp, SectionCache, alone
from bertillon_server.coding.section_jobs import Answer, Job
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import CodingProfile, SectionKind, Setting, Sex
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError
from bertillon_server.inference.passes import Pass
from bertillon_server.inference.scheduler import Scheduler
from small_knowledge import PHRASE, RELEASE, SYSTEM, encode, knowledge

ASSESSMENT = f"Assessment:\n1. {PHRASE.capitalize()}\n2. HTN\n\n"
HISTORY = "PMH: asthma. No cough.\n\n"
FAMILY = "Family history: mother had breast cancer.\n\n"
EXAM = "Exam: left knee pain.\n"
VERSIONS = Versions("small 1", "rules 1", ((SYSTEM, RELEASE),))


class Encoder:
    """Encodes windows of the fake tokenizer; `seen` counts them."""

    def __init__(self) -> None:
        self.seen = 0

    def encode(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        self.seen += len(ids)
        return np.stack(encode(list(ids)))


class LookUps(list[LookUp]):
    """What the cache was asked, and what it had."""

    def section_looked_up(self, result: LookUp, code_points: int) -> None:
        assert code_points > 0
        self.append(result)


@pytest.fixture(scope="module")
def coder() -> Iterator[Coder]:
    with Catalog.open() as catalog:
        yield Coder(knowledge(catalog))


@pytest.fixture(scope="module")
def releases(coder: Coder) -> Iterator[Releases]:
    with Catalog.open() as catalog:
        yield Releases(catalog, SYSTEM, {RELEASE: coder})


class Losing(Processes):
    """Other processes that keep a job until they are told to lose it."""

    def __init__(self) -> None:
        super().__init__(0, (), None, observe=list[Pass]().append)
        self.begun, self.lost = asyncio.Event(), asyncio.Event()

    def are_ready(self) -> bool:
        return True

    async def code(self, job: Job, call: Call) -> Answer:  # noqa: ARG002 - whatever it is
        self.begun.set()
        await self.lost.wait()
        raise ElsewhereError


@asynccontextmanager
async def flowing(
    releases: Releases,
    cache: SectionCache | None,
    encoder: Encoder | None = None,
    processes: Processes | None = None,
) -> AsyncIterator[CodingFlow]:
    encoder = encoder or Encoder()
    scheduler, pool = Scheduler(encoder, workers=1), StagePool(1)
    await scheduler.start()
    try:
        yield CodingFlow(releases, scheduler, pool, cache, processes)
    finally:
        await scheduler.stop(5)
        pool.shutdown()


async def events_of(flow: CodingFlow, note: NoteInput, call: Call | None = None) -> list[Event]:
    """Return the events of a note without timings, its sections in the order of the text."""
    events = [event async for event in flow.code_note(note, call or Call())]
    first, *sections, last = (
        event if isinstance(event, Outline) else dataclasses.replace(event, timings=Timings())
        for event in events
    )
    coded = [event for event in sections if isinstance(event, SectionResult)]
    return [first, *sorted(coded, key=lambda result: result.section.index), last]


async def test_a_section_copied_into_another_note_is_not_coded_again(releases: Releases) -> None:
    lookups, encoder = LookUps(), Encoder()
    async with flowing(releases, SectionCache(10**6, lookups), encoder) as flow:
        await events_of(flow, NoteInput("HPI: fever.\n\n" + ASSESSMENT))
        seen = encoder.seen
        later = NoteInput(HISTORY + ASSESSMENT.strip(), date_of_service=dt.date(2026, 5, 1))
        result = (await events_of(flow, later))[2]
    assert sorted(lookups) == [LookUp.HIT, LookUp.MISS, LookUp.MISS, LookUp.MISS]
    assert encoder.seen == seen + 1
    assert isinstance(result, SectionResult)
    named = [mention.span.of(later.text) for mention in result.mentions]
    assert named == [PHRASE.capitalize(), "HTN"]


async def test_when_other_releases_are_taken_up_nothing_kept_before_is_found(releases: Releases) -> None:
    lookups = LookUps()
    async with flowing(releases, SectionCache(10**6, lookups)) as flow:
        await events_of(flow, NoteInput(ASSESSMENT))
        # The same versions may be other files: what an operator imported anew.
        flow.take_up(releases)
        await events_of(flow, NoteInput(ASSESSMENT))
        await events_of(flow, NoteInput(ASSESSMENT))
    assert lookups == [LookUp.MISS, LookUp.MISS, LookUp.HIT]


SECTIONS = st.lists(st.sampled_from([ASSESSMENT, HISTORY, FAMILY, EXAM, "HPI: fever.\n", "\n", "Plan:\n"]))


@settings(max_examples=40, deadline=None)
@given(
    notes=st.lists(
        st.builds(
            NoteInput,
            text=SECTIONS.map("".join).filter(str.strip),
            setting=st.sampled_from(Setting),
            sex=st.sampled_from([None, Sex.FEMALE]),
            options=st.builds(
                CodingOptions,
                profile=st.sampled_from(CodingProfile),
                max_alternatives=st.integers(0, 2),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    max_bytes=st.sampled_from([1, 1_500, 10**6]),
)
def test_events_are_the_same_with_and_without(
    releases: Releases, notes: list[NoteInput], max_bytes: int
) -> None:
    async def both() -> None:
        async with flowing(releases, None) as plain, flowing(releases, SectionCache(max_bytes)) as cached:
            for note in notes:
                assert await events_of(cached, note) == await events_of(plain, note)

    asyncio.run(both())


def test_a_result_packs_to_the_same_and_holds_no_text(coder: Coder) -> None:
    note = NoteInput("Assessment:\n1. Severe xyzzyphus heart failure, likely xyzzyphus HTN\n")
    outline = coder.outline(note, ())
    lone = alone(note, outline.sections[0], outline.versions, codeable=True)
    reading = coder.read(lone.note, lone.section)
    mentions = coder.code(lone.note, reading, encode(reading.windows), codeable=True).mentions
    assert mentions
    assert unpack(pack(mentions)) == mentions
    assert unpack(pack(mentions), 7) == tuple(mention.shifted(7) for mention in mentions)
    assert "xyzzyphus" not in repr(mentions)


def lone_key(cache: SectionCache, note: NoteInput, section: Section, *, codeable: bool = True) -> bytes:
    (key,) = cache.keys([alone(note, section, VERSIONS, codeable=codeable)])
    return key


TEXT = "x" + ASSESSMENT
NOTE = NoteInput(TEXT)
SECTION = Section(1, SectionKind.ASSESSMENT, Span(1, len(TEXT)), Span(1, 11), Span(13, len(TEXT)))


def test_where_a_section_stands_what_follows_and_the_date_make_no_difference() -> None:
    cache = SectionCache(1)
    moved = Section(4, SectionKind.ASSESSMENT, Span(5, 4 + len(TEXT)), Span(5, 15), Span(17, 4 + len(TEXT)))
    later = NoteInput("abcd" + TEXT + "PMH: asthma", date_of_service=dt.date(2026, 5, 1))
    assert lone_key(cache, later, moved) == lone_key(cache, NOTE, SECTION)
    longer = dataclasses.replace(
        SECTION, span=Span(1, len(TEXT) + 2), body=Span(SECTION.body.start, len(TEXT) + 2)
    )
    assert lone_key(cache, NoteInput(TEXT + "\n\nPlan: rest"), longer) == lone_key(cache, NOTE, SECTION)


@pytest.mark.parametrize(
    ("note", "section", "codeable"),
    [
        (NoteInput(TEXT.replace("HTN", "htn")), SECTION, True),
        (NOTE, SECTION, False),
        (NOTE, dataclasses.replace(SECTION, kind=SectionKind.PLAN), True),
        (NOTE, dataclasses.replace(SECTION, title=None), True),
        (NOTE, dataclasses.replace(SECTION, body=Span(14, len(TEXT))), True),
        (dataclasses.replace(NOTE, sex=Sex.MALE), SECTION, True),
        (dataclasses.replace(NOTE, age_years=3), SECTION, True),
        (dataclasses.replace(NOTE, setting=Setting.INPATIENT), SECTION, True),
        (dataclasses.replace(NOTE, options=CodingOptions(profile=CodingProfile.ALL_MENTIONS)), SECTION, True),
        (dataclasses.replace(NOTE, options=CodingOptions(max_alternatives=1)), SECTION, True),
    ],
)
def test_what_a_result_depends_on_is_in_the_key(
    note: NoteInput,
    section: Section,
    codeable: bool,  # noqa: FBT001 - a case
) -> None:
    cache = SectionCache(1)
    assert lone_key(cache, note, section, codeable=codeable) != lone_key(cache, NOTE, SECTION)
    other = dataclasses.replace(VERSIONS, code_sets=((SYSTEM, "2027-10-01"),))
    assert cache.keys([alone(NOTE, SECTION, other, codeable=True)]) != [lone_key(cache, NOTE, SECTION)]


def test_keys_of_another_process_say_nothing_here() -> None:
    assert lone_key(SectionCache(1), NOTE, SECTION) != lone_key(SectionCache(1), NOTE, SECTION)


@dataclasses.dataclass
class Result:
    packed: bytes = b"packed"


async def kept(cache: SectionCache, key: bytes, size: int = 100) -> None:
    async def coding() -> Result:
        return Result(b"x" * size)

    assert await cache.find(key, 1, Call()) is None
    await cache.code(key, Call(), coding)


async def test_what_was_used_longest_ago_makes_room_and_nothing_exceeds_the_bound() -> None:
    cache = SectionCache(2 * (100 + ENTRY_BYTES))
    await kept(cache, b"a")
    await kept(cache, b"b")
    assert await cache.find(b"a", 1, Call()) is not None
    await kept(cache, b"c")
    assert await cache.find(b"b", 1, Call()) is None
    assert (len(cache), cache.size) == (2, 2 * (100 + ENTRY_BYTES))
    await kept(cache, b"too large", 10_000)
    assert (len(cache), cache.size) == (2, 2 * (100 + ENTRY_BYTES))


class Coding:
    """A section that is coded until somebody says what it came to."""

    def __init__(self, cache: SectionCache, call: Call | None = None) -> None:
        self.result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(cache.code(b"a", call or Call(), self._code))

    async def _code(self) -> Result:
        return await self.result


async def test_what_two_calls_need_at_once_is_coded_once() -> None:
    lookups = LookUps()
    cache = SectionCache(1_000, lookups)
    assert await cache.find(b"a", 1, Call()) is None
    first = Coding(cache)
    await asyncio.sleep(0)
    second = asyncio.create_task(cache.find(b"a", 1, Call()))
    await asyncio.sleep(0)
    first.result.set_result(Result())
    assert await second == b"packed"
    assert lookups == [LookUp.MISS, LookUp.JOINED]


@pytest.mark.parametrize("error", [RuntimeError(), asyncio.CancelledError()])
async def test_of_those_who_wait_for_a_call_that_fails_one_codes_it(error: BaseException) -> None:
    cache = SectionCache(1_000)
    first = Coding(cache)
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(cache.find(b"a", 1, Call())) for _ in range(2)]
    await asyncio.sleep(0)
    first.result.set_exception(error) if isinstance(error, RuntimeError) else first.task.cancel()
    with pytest.raises(type(error)):
        await first.task
    assert await waiting[0] is None
    second = Coding(cache)
    await asyncio.sleep(0)
    second.result.set_result(Result())
    await second.task
    assert await waiting[1] in {None, b"packed"}


async def test_urgent_work_does_not_wait_for_bulk_work_and_nobody_beyond_a_deadline() -> None:
    cache = SectionCache(1_000)
    bulk = Coding(cache, Call(Priority.BULK))
    await asyncio.sleep(0)
    assert await cache.find(b"a", 1, Call(Priority.INTERACTIVE)) is None
    with pytest.raises(DeadlineUnreachableError):
        await cache.find(b"a", 1, Call(Priority.BULK, deadline=time.monotonic()))
    bulk.result.set_result(Result())
    await bulk.task
    assert await cache.find(b"a", 1, Call(Priority.INTERACTIVE)) == b"packed"


async def test_two_notes_at_once_with_the_same_sections_have_the_same_results(releases: Releases) -> None:
    encoder = Encoder()
    async with flowing(releases, SectionCache(10**6), encoder) as flow:
        one, other = await asyncio.gather(*[events_of(flow, NoteInput(HISTORY + ASSESSMENT)) for _ in "ab"])
    assert one == other
    assert encoder.seen == 2


async def test_sections_that_are_lost_elsewhere_are_coded_here_and_kept(releases: Releases) -> None:
    note, call = NoteInput(HISTORY + ASSESSMENT), Call(Priority.BULK)
    async with flowing(releases, None) as flow:
        expected = await events_of(flow, note, call)
    lookups, others = LookUps(), Losing()
    others.lost.set()
    async with flowing(releases, SectionCache(10**6, lookups), processes=others) as flow:
        assert await events_of(flow, note, call) == expected
        assert set(lookups) == {LookUp.MISS}
        assert await events_of(flow, note, call) == expected
    assert lookups[len(lookups) // 2 :] == [LookUp.HIT] * (len(lookups) // 2)


async def test_who_waits_for_a_section_that_is_given_up_elsewhere_has_it_coded(releases: Releases) -> None:
    note, call = NoteInput(HISTORY + ASSESSMENT), Call(Priority.BULK)
    lookups, others = LookUps(), Losing()
    async with flowing(releases, SectionCache(10**6, lookups), processes=others) as flow:
        first = asyncio.ensure_future(events_of(flow, note, call))
        await others.begun.wait()
        second = flow.code_note(note, call)
        assert isinstance(await anext(second), Outline)
        await asyncio.sleep(0)  # its sections are begun now
        first.cancel()
        others.lost.set()
        async with asyncio.timeout(10):
            assert len([event async for event in second]) > 2
    # What it waited for came to nothing, so that it was no find.
    assert set(lookups) == {LookUp.MISS}
    with pytest.raises(asyncio.CancelledError):
        await first
