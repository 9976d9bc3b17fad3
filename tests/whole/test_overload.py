"""More load than the server can take at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.load.bulk import start_processes
from benchmarks.service import Service, serving
from gauges import assert_holds_no_more_than, held
from replies import assert_sound

from bertillon import AsyncBertillon, NoteResult, OverloadedError, Retries

CALLS = 60
COPIES = 7

# Room for some three of the long notes, on a machine however fast, and nothing is recalled.
FLAGS = ("--max-queued-tokens=20000", "--cache-bytes=0")


@pytest.fixture
def server(bundle: Path, tmp_path: Path) -> Iterator[Service]:
    """Run a server that has little room."""
    with serving(tmp_path, *FLAGS, bundle=bundle) as service:
        start_processes(service)
        yield service


@pytest.fixture
def long_note(demo_note: str) -> str:
    return demo_note * COPIES


async def test_the_excess_is_refused_with_advice_what_is_admitted_is_answered_and_the_next_call_is_served(
    server: Service, long_note: str, demo_note: str
) -> None:
    async with AsyncBertillon(server.target, retries=Retries(attempts=1)) as client:
        await client.code_note_all(demo_note)
        before = await asyncio.to_thread(held, server)
        shed = await asyncio.to_thread(server.metric, "shed_total", reason="overloaded")
        flood = [asyncio.create_task(client.code_note_all(long_note)) for _ in range(CALLS)]
        # People are served while programs are turned away.
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        assert (await client.code_section("Assessment: essential hypertension.")).summary.codes
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        assert (await client.code_note_all(demo_note)).summary.codes
    answered = [outcome for outcome in outcomes if isinstance(outcome, NoteResult)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, OverloadedError)]
    assert len(answered) + len(refused) == CALLS
    assert answered
    assert refused
    for result in answered:
        assert result.summary.timings.total_us > 0
    assert_sound(answered[0], long_note)
    for error in refused:
        assert error.reason == "OVERLOADED"
        assert error.retry_after is not None
        assert 0.05 <= error.retry_after <= 30
    now = await asyncio.to_thread(server.metric, "shed_total", reason="overloaded")
    assert now - shed == len(refused)
    await asyncio.to_thread(assert_holds_no_more_than, server, before)
