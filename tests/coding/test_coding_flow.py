"""The flow of a note: outline first, sections as they are done, summary last, and capacity given back."""

import asyncio
import dataclasses
import datetime as dt
import threading
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.releases import Releases
from bertillon_server.coding.results import (
    EncounterSummary,
    Event,
    NoteInput,
    Outline,
    SectionResult,
    Timings,
)
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError, OverloadedError
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.workers import EncodingFailedError
from small_knowledge import OF_PHRASE, PHRASE, RELEASE, SYSTEM, encode, knowledge

NOTE = f"HPI: cough.\n\nPMH: asthma.\n\nAssessment:\n1. {PHRASE.capitalize()}\n2. HTN\n"


class GatedEncoder:
    """Encodes windows of the fake tokenizer; those with the known phrase once its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()

    def encode(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        if OF_PHRASE in ids:
            self.gate.wait(10)
        return np.stack(encode(list(ids)))


def without_timings(event: Event) -> Event:
    return event if isinstance(event, Outline) else dataclasses.replace(event, timings=Timings())


def section_of(event: Event) -> int:
    assert isinstance(event, SectionResult)
    return event.section.index


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    with Catalog.open() as opened:
        yield opened


@pytest.fixture
def encoder() -> GatedEncoder:
    return GatedEncoder()


@pytest.fixture
async def scheduler(encoder: GatedEncoder) -> AsyncIterator[Scheduler]:
    made = Scheduler(encoder, workers=2, max_queued_tokens=400)
    await made.start()
    yield made
    encoder.gate.set()
    await made.stop(5)


@pytest.fixture
def flow(catalog: Catalog, scheduler: Scheduler) -> Iterator[CodingFlow]:
    pool = StagePool(2)
    coder = Coder(knowledge(catalog))
    yield CodingFlow(Releases(catalog, SYSTEM, {RELEASE: coder}), scheduler, pool)
    pool.shutdown()


async def test_the_outline_comes_first_every_section_once_and_the_summary_last(flow: CodingFlow) -> None:
    events = [event async for event in flow.code_note(NoteInput(NOTE), Call())]
    outline, *sections, summary = events
    assert isinstance(outline, Outline)
    assert isinstance(summary, EncounterSummary)
    results = [event for event in sections if isinstance(event, SectionResult)]
    assert sorted(result.section.index for result in results) == [s.index for s in outline.sections]
    assert [item.code.code for item in summary.codes] == ["E11.9", "I10"]
    assert summary.timings.total_us > 0


async def test_a_section_does_not_wait_for_another_that_the_encoder_still_has(
    flow: CodingFlow, encoder: GatedEncoder
) -> None:
    encoder.gate.clear()
    events = flow.code_note(NoteInput(NOTE), Call())
    assert isinstance(await anext(events), Outline)
    early = [await anext(events), await anext(events)]
    assert all(isinstance(event, SectionResult) for event in early)
    encoder.gate.set()
    assert isinstance([event async for event in events][-1], EncounterSummary)


async def test_a_short_note_of_an_interactive_call_comes_to_the_same_beside_busy_workers_and_alone(
    flow: CodingFlow, encoder: GatedEncoder, scheduler: Scheduler
) -> None:
    text = NOTE.replace(PHRASE.capitalize(), "Asthma")

    async def coded(priority: Priority) -> list[Event]:
        events = [event async for event in flow.code_note(NoteInput(text), Call(priority))]
        return [events[0], *sorted(map(without_timings, events[1:-1]), key=section_of), events[-1]]

    alone = await coded(Priority.INTERACTIVE)
    encoder.gate.clear()
    held = [
        asyncio.ensure_future(scheduler.encode([np.array([OF_PHRASE] * length)], Call(Priority.BULK)))
        for length in (1, 2)
    ]
    while not scheduler.is_busy:  # noqa: ASYNC110 - the loop has no event for it
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        busy = await coded(Priority.INTERACTIVE)
    assert not any(task.done() for task in held)
    encoder.gate.set()
    await asyncio.gather(*held)
    # A standard call takes the way of long notes, section by section.
    standard = await coded(Priority.STANDARD)
    assert alone[:-1] == busy[:-1] == standard[:-1]
    for other in (busy, standard):
        assert without_timings(alone[-1]) == without_timings(other[-1])


async def test_an_encoder_that_fails_beside_busy_workers_fails_the_call_alone(
    flow: CodingFlow, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "is_busy", property(lambda _: True))
    for wrong in (lambda *_: 1 / 0, lambda *_: np.zeros((0, 1, 1))):
        monkeypatch.setattr(GatedEncoder, "encode", wrong)
        with pytest.raises(EncodingFailedError):
            await anext(flow.code_note(NoteInput(NOTE), Call(Priority.INTERACTIVE)))
    assert scheduler.stats().admissions == 0
    monkeypatch.undo()
    assert [event async for event in flow.code_note(NoteInput(NOTE), Call(Priority.INTERACTIVE))]


async def test_closing_the_events_withdraws_the_work_and_gives_the_capacity_back(
    flow: CodingFlow, encoder: GatedEncoder, scheduler: Scheduler
) -> None:
    encoder.gate.clear()
    events = flow.code_note(NoteInput(NOTE), Call())
    await anext(events)
    assert scheduler.stats().admissions == 1
    await events.aclose()  # type: ignore[attr-defined]
    encoder.gate.set()
    assert scheduler.stats().admissions == 0
    assert scheduler.stats().calls == 0


async def test_a_caller_that_does_not_read_holds_no_capacity_once_the_note_is_coded(
    flow: CodingFlow, scheduler: Scheduler
) -> None:
    events = flow.code_note(NoteInput(NOTE), Call())
    await anext(events)
    await anext(events)
    async with asyncio.timeout(10):
        while scheduler.stats().admissions:  # noqa: ASYNC110 - the loop has no event for it
            await asyncio.sleep(0)  # a turn of the loop, not a wait
    assert isinstance([event async for event in events][-1], EncounterSummary)


async def test_more_than_the_queue_holds_is_refused_for_standard_and_waits_for_bulk(
    flow: CodingFlow, encoder: GatedEncoder
) -> None:
    encoder.gate.clear()
    big = NoteInput(NOTE + "x" * 800)
    first = flow.code_note(big, Call())
    await anext(first)
    with pytest.raises(OverloadedError) as refused:
        await anext(flow.code_note(big, Call()))
    assert refused.value.retry_after_s > 0
    bulk = flow.code_note(big, Call(Priority.BULK))
    waiting = asyncio.ensure_future(anext(bulk))
    encoder.gate.set()
    assert isinstance([event async for event in first][-1], EncounterSummary)
    assert isinstance(await waiting, Outline)
    await bulk.aclose()  # type: ignore[attr-defined]


async def test_a_deadline_that_has_passed_stops_the_note_before_it_is_read(flow: CodingFlow) -> None:
    with pytest.raises(DeadlineUnreachableError):
        await anext(flow.code_note(NoteInput(NOTE), Call(deadline=time.monotonic() - 1)))


@pytest.mark.parametrize(
    ("date", "kind"),
    [(None, "DEFAULT_RELEASE"), (dt.date(2026, 5, 1), None), (dt.date(2019, 5, 1), "NEAREST_RELEASE")],
)
async def test_the_date_of_service_chooses_the_release_and_says_so(
    flow: CodingFlow, date: dt.date | None, kind: str | None
) -> None:
    outline = await anext(flow.code_note(NoteInput(NOTE, date_of_service=date), Call()))
    assert isinstance(outline, Outline)
    assert [notice.kind for notice in outline.notices] == ([] if kind is None else [kind])


async def test_a_search_by_meaning_returns_codes_with_their_titles(flow: CodingFlow) -> None:
    found = await flow.search_semantic(PHRASE, SYSTEM, RELEASE, 5, Call(Priority.INTERACTIVE))
    assert found[0][0] == "E11.9"
    assert "diabetes" in found[0][1].lower()
    assert await flow.search_semantic(PHRASE, "no-such-system", RELEASE, 5, Call()) == []


async def test_an_abbreviation_is_found_as_a_term(flow: CodingFlow) -> None:
    assert [code for code, _ in flow.search_terms("htn", SYSTEM, RELEASE)] == ["I10"]
    assert flow.search_terms("no term at all", SYSTEM, RELEASE) == []
