from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from fake_bertillon import PATIENCE_S, QUICK, Failure, FakeBertillon, MakeClient, start_server
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

import bertillon
from bertillon import AsyncBertillon, Bertillon, Note, NoteResult, Retries
from bertillon._ledger import Ledger
from bertillon.coding.v1 import coding_service_pb2 as coding

TEXT = "HPI\nHas diabetes.\n\nROS\nDenies chest pain."
GOING_AWAY = Failure(grpc.StatusCode.UNAVAILABLE, "going away")
DROPPED = Failure(grpc.StatusCode.CANCELLED, "CANCELLED")


def notes(count: int) -> Iterator[Note]:
    return (Note(note_id=f"n{number}", text=TEXT) for number in range(count))


def ids(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def test_each_note_is_answered_once_in_any_order(client: Any, fake: FakeBertillon) -> None:
    fake.batch_size = 4
    outcomes = list(client.code_notes(notes(12)))

    assert [note_id for note_id, _ in outcomes] != ids(12)
    assert sorted(note_id for note_id, _ in outcomes) == sorted(ids(12))
    for note_id, result in outcomes:
        assert isinstance(result, NoteResult)
        assert result.note_id == note_id
        assert [section.section.index for section in result.sections] == [0, 1]
        assert result.summary.codes[0].code.code == "E11.9"


def test_notes_are_read_no_further_ahead_than_may_be_in_flight(client: Any) -> None:
    taken, ahead = 0, []

    def endless() -> Iterator[Note]:
        for pulled in itertools.count(1):
            ahead.append(pulled - taken)
            yield Note(note_id=str(pulled), text=TEXT)

    outcomes = client.code_notes(endless(), max_in_flight=5)
    for _ in range(40):
        next(outcomes)
        taken += 1
    outcomes.close()

    # `taken` is counted here, after the outcome was handed over: hence the one.
    assert max(ahead) <= 5 + 1
    assert len(ahead) <= taken + 5


def test_all_that_may_be_in_flight_is_in_flight(client: Any, fake: FakeBertillon) -> None:
    # The server answers only once it has eight notes, so fewer in flight would never be answered.
    fake.batch_size = 8

    assert len(list(client.code_notes(notes(32), max_in_flight=8))) == 32


def test_a_slow_source_does_not_hold_results_back(target: str) -> None:
    answered = threading.Event()

    def source() -> Iterator[Note]:
        yield Note(note_id="first", text=TEXT)
        assert answered.wait(PATIENCE_S)
        yield Note(note_id="second", text=TEXT)

    with Bertillon(target) as client:
        outcomes = client.code_notes(source())
        assert next(outcomes)[0] == "first"
        answered.set()
        assert [note_id for note_id, _ in outcomes] == ["second"]


async def test_an_asynchronous_source_may_be_slow_too(target: str) -> None:
    answered = asyncio.Event()

    async def source() -> AsyncIterator[Note]:
        yield Note(note_id="first", text=TEXT)
        await asyncio.wait_for(answered.wait(), PATIENCE_S)
        yield Note(note_id="second", text=TEXT)

    async with AsyncBertillon(target) as client:
        outcomes = client.code_notes(source())
        assert (await anext(outcomes))[0] == "first"
        answered.set()
        assert [note_id async for note_id, _ in outcomes] == ["second"]


def test_a_bad_note_is_reported_and_the_others_are_answered(client: Any, fake: FakeBertillon) -> None:
    violation = coding.FieldViolation(field="note.text", description="must not be blank")
    fake.rejections["n3"] = [coding.NoteError(code=3, message="no", violations=[violation])]
    outcomes = dict(client.code_notes(notes(10)))

    error = outcomes.pop("n3")
    assert isinstance(error, bertillon.InvalidRequestError)
    assert error.violations[0].field == "note.text"
    assert len(outcomes) == 9
    assert all(isinstance(result, NoteResult) for result in outcomes.values())


def test_a_note_sent_back_with_advice_is_sent_again(client: Any, fake: FakeBertillon) -> None:
    later = coding.NoteError(code=8, message="full", retry_after_ms=5)
    fake.rejections = {"n1": [later] * 2, "n4": [later]}
    outcomes = list(client.code_notes(notes(6)))

    assert sorted(note_id for note_id, _ in outcomes) == ids(6)
    assert all(isinstance(result, NoteResult) for _, result in outcomes)
    assert fake.received.count("n1") == 3
    assert fake.calls["CodeNotes"] == 1


def test_a_note_is_sent_again_only_so_often(client: Any, fake: FakeBertillon) -> None:
    fake.rejections["n0"] = [coding.NoteError(code=8, message="full", retry_after_ms=0)] * 9
    outcomes = dict(client.code_notes(notes(3)))

    assert isinstance(outcomes["n0"], bertillon.OverloadedError)
    assert fake.received.count("n0") == QUICK.attempts


def test_a_note_sent_back_without_advice_is_not_sent_again(client: Any, fake: FakeBertillon) -> None:
    fake.rejections["n0"] = [coding.NoteError(code=13, message="failed")]

    assert isinstance(dict(client.code_notes(notes(2)))["n0"], bertillon.ServerError)
    assert fake.received.count("n0") == 1


@pytest.mark.parametrize("failure", [GOING_AWAY, DROPPED, None], ids=["broken", "dropped", "ended"])
def test_a_lost_stream_loses_and_doubles_nothing(
    client: Any, fake: FakeBertillon, failure: Failure | None
) -> None:
    fake.breaks.extend([(3, failure), (0, failure), (5, failure)])
    outcomes = list(client.code_notes(notes(30), max_in_flight=8))

    assert sorted(note_id for note_id, _ in outcomes) == sorted(ids(30))
    for _, result in outcomes:
        # Sections of a broken attempt would show as doubles.
        assert [section.section.index for section in result.sections] == [0, 1]
    assert fake.calls["CodeNotes"] == 4


def test_a_stream_that_the_service_ends_for_a_stalled_client_is_not_opened_again(
    client: Any, fake: FakeBertillon
) -> None:
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason="CLIENT_STALLED", domain="bertillon"))
    status = status_pb2.Status(code=1, message="stalled", details=[info]).SerializeToString()
    fake.breaks.append(
        (2, Failure(grpc.StatusCode.CANCELLED, "stalled", [("grpc-status-details-bin", status)]))
    )

    with pytest.raises(bertillon.CallCancelledError):
        list(client.code_notes(notes(5)))
    assert fake.calls["CodeNotes"] == 1


def test_a_client_that_is_closed_ends_the_run(client: Any, fake: FakeBertillon) -> None:
    outcomes = client.code_notes(itertools.cycle(notes(1)), max_in_flight=1)
    assert next(outcomes)[0] == "n0"
    client.close()
    with pytest.raises(bertillon.CallCancelledError):
        list(outcomes)
    assert fake.calls["CodeNotes"] == 1


def test_a_server_that_never_comes_back_ends_the_run(make_client: MakeClient, fake: FakeBertillon) -> None:
    fake.breaks.extend([(2, GOING_AWAY), *[(0, GOING_AWAY)] * 9])
    outcomes = make_client(retries=Retries(initial_backoff=0.001, reopenings=3)).code_notes(notes(5))

    assert [next(outcomes)[0] for _ in range(2)] == ["n0", "n1"]
    with pytest.raises(bertillon.UnavailableError):
        next(outcomes)
    assert fake.calls["CodeNotes"] == 4


def test_a_server_that_was_never_there_ends_the_run_sooner(make_client: MakeClient) -> None:
    client = make_client(
        target="127.0.0.1:1", retries=Retries(attempts=2, initial_backoff=0.001, reopenings=10**9)
    )

    with pytest.raises(bertillon.UnavailableError):
        list(client.code_notes(notes(5)))


def test_a_refused_caller_ends_the_run_at_once(client: Any, fake: FakeBertillon) -> None:
    fake.failures.extend([Failure(grpc.StatusCode.UNAUTHENTICATED, "no token")] * 9)

    with pytest.raises(bertillon.AccessDeniedError):
        list(client.code_notes(notes(5)))
    # One more where the first refusal was lost because a note was being written as it came.
    assert fake.calls["CodeNotes"] <= 2


def test_a_deadline_bounds_the_whole_run(client: Any, fake: FakeBertillon) -> None:
    fake.batch_size = 9

    with pytest.raises(bertillon.DeadlineExceededError):
        list(client.code_notes(notes(3), timeout=0.2))


def test_notes_that_cannot_be_sent_are_reported_without_the_server(
    make_client: MakeClient, fake: FakeBertillon
) -> None:
    large = Note(note_id="large", text="x" * 2000)
    bad = [Note(text=TEXT), large] * 20
    outcomes = list(make_client(max_request_bytes=1000).code_notes(bad, max_in_flight=3))

    assert [type(result).__name__ for _, result in outcomes] == [
        "InvalidRequestError",
        "MessageTooLargeError",
    ] * 20
    assert fake.received == []


def test_an_id_in_flight_twice_is_reported(client: Any, fake: FakeBertillon) -> None:
    fake.batch_size = 2
    twice = [Note(note_id="a", text=TEXT), Note(note_id="a", text=TEXT), Note(note_id="b", text=TEXT)]
    outcomes = list(client.code_notes(twice))

    assert sorted((note_id, isinstance(result, NoteResult)) for note_id, result in outcomes) == [
        ("a", False),
        ("a", True),
        ("b", True),
    ]


def test_the_note_that_is_too_large_for_the_server_is_found_among_the_others(
    fake: FakeBertillon, make_client: MakeClient
) -> None:
    server, target = start_server(fake, **{"grpc.max_receive_message_length": 1000})
    given = list(notes(8))
    given[5] = Note(note_id="n5", text="x" * 5000)
    try:
        outcomes = dict(make_client(target=target).code_notes(given, max_in_flight=4))
    finally:
        server.stop(None).wait()

    assert isinstance(outcomes.pop("n5"), bertillon.MessageTooLargeError)
    assert sorted(outcomes) == [note_id for note_id in ids(8) if note_id != "n5"]
    assert all(isinstance(result, NoteResult) for result in outcomes.values())


def test_an_error_of_the_source_comes_after_what_was_taken_before_it(client: Any) -> None:
    def source() -> Iterator[Note]:
        yield from notes(3)
        message = "the source is gone"
        raise LookupError(message)

    taken: list[str] = []
    with pytest.raises(LookupError, match="the source is gone"):
        taken.extend(note_id for note_id, _ in client.code_notes(source()))
    outcomes = client.code_notes(source())
    assert sorted(next(outcomes)[0] for _ in range(3)) == ids(3)


def test_no_notes_need_no_server(make_client: MakeClient, fake: FakeBertillon) -> None:
    assert list(make_client().code_notes([])) == []
    assert not fake.calls


def test_nothing_in_flight_makes_no_sense(client: Any) -> None:
    with pytest.raises(ValueError, match="max_in_flight"):
        client.code_notes([], max_in_flight=0)


def test_leaving_a_run_early_ends_its_workers(target: str) -> None:
    with Bertillon(target) as client:
        outcomes = client.code_notes(notes(10_000))
        next(outcomes)
        outcomes.close()
        for thread in threading.enumerate():
            if thread.name.startswith("bertillon-"):
                thread.join(PATIENCE_S)
                assert not thread.is_alive()


async def test_leaving_an_asynchronous_run_early_ends_its_workers(target: str) -> None:
    async with AsyncBertillon(target) as client:
        outcomes = client.code_notes(notes(10_000))
        await anext(outcomes)
        await outcomes.aclose()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bertillon-")]


@settings(max_examples=200)
@given(st.data())
def test_the_ledger_decides_every_note_once_whatever_happens(data: st.DataObject) -> None:
    """Notes, answers, rejections, broken streams and a slow caller in any order."""
    limit = data.draw(st.integers(1, 4))
    ledger = Ledger(max_in_flight=limit, attempts=2, max_request_bytes=1000)
    sent: list[str] = []
    taken: list[str] = []
    source, now = iter(ids(6)), 0.0
    while True:
        now += 1.0
        moves = ["take", "break"] + ["answer", "reject"] * bool(sent) + ["send"]
        move = data.draw(st.sampled_from(moves)) if len(taken) < 6 and now < 60 else "finish"
        if ledger.has_room and not ledger.source_ended:
            note_id = next(source, None)
            if note_id is None:
                ledger.source_ended = True
            else:
                ledger.admit(coding.CodeNotesRequest(note=Note(note_id=note_id, text="x")))
        if move in ("send", "finish") and (request := ledger.next_request(now)) is not None:
            sent.append(request.note.note_id)
        if move == "break":
            ledger.stream_ended()
            sent.clear()
        if move in ("answer", "finish") and sent:
            summary = coding.EncounterSummary()
            ledger.record(coding.CodeNotesResponse(note_id=sent.pop(0), summary=summary), now)
        if move == "reject":
            error = coding.NoteError(code=8, retry_after_ms=1500)
            ledger.record(coding.CodeNotesResponse(note_id=sent.pop(), error=error), now)
        assert len(sent) <= limit
        if move in ("take", "finish") and (outcome := ledger.take()) is not None:
            taken.append(outcome[0])
            ledger.delivered()
        if ledger.done and move == "finish" and outcome is None:
            break
    assert sorted(taken) == ids(6)
