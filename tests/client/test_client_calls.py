from __future__ import annotations

import datetime as dt
import pickle
import threading
import time
from typing import Any

import grpc
import pytest
from fake_bertillon import PATIENCE_S, QUICK, Failure, FakeBertillon, MakeClient, start_server
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

import bertillon
from bertillon import EncounterSummary, Note, Outline, SectionResult, Setting, Timeouts
from bertillon._connection import Connection
from bertillon._details import read_details
from bertillon._errors import make_error
from bertillon.coding.v1.catalog_service_pb2 import GetCodeRequest
from bertillon.coding.v1.catalog_service_pb2_grpc import CatalogServiceStub

NOTE = "HPI\nHas diabetes.\n\nROS\nDenies chest pain."


def rich_status(*details: Any) -> bytes:
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    serialized: bytes = status_pb2.Status(code=3, message="no", details=packed).SerializeToString()
    return serialized


def test_a_note_yields_outline_then_sections_then_summary(client: Any) -> None:
    events = list(client.code_note(NOTE))

    assert [type(event) for event in events] == [Outline, SectionResult, SectionResult, EncounterSummary]
    assert [code.code.code for code in events[-1].codes] == ["E11.9"]


def test_events_arrive_while_the_rest_is_still_being_coded(client: Any, fake: FakeBertillon) -> None:
    fake.gate.clear()
    events = client.code_note(NOTE)

    assert isinstance(next(events), Outline)
    fake.gate.set()
    assert isinstance(next(events), SectionResult)


def test_leaving_a_note_early_cancels_the_call(client: Any, fake: FakeBertillon) -> None:
    fake.gate.clear()
    events = client.code_note(NOTE)
    next(events)
    events.close()

    assert fake.cancelled.wait(PATIENCE_S)


def test_a_whole_note_has_its_sections_in_the_order_of_the_text(client: Any) -> None:
    result = client.code_note_all(Note(note_id="n1", text=NOTE))

    assert result.note_id == "n1"
    assert [section.section.index for section in result.sections] == [0, 1]
    assert len(result.outline.sections) == 2
    assert "diabetes" not in repr(result)


def test_a_section_carries_what_the_caller_said_about_it(client: Any, fake: FakeBertillon) -> None:
    reply = client.code_section(
        "PLAN\nHas diabetes.",
        setting=Setting.SETTING_INPATIENT,
        date_of_service=dt.date(2026, 5, 1),
        patient=bertillon.Patient(age_years=54),
    )

    assert reply.section.mentions[0].code.code == "E11.9"
    request = fake.requests[-1]
    assert (request.setting, request.date_of_service) == (Setting.SETTING_INPATIENT, "2026-05-01")
    assert request.patient.age_years == 54


def test_codes_are_looked_up_and_searched(client: Any, fake: FakeBertillon) -> None:
    assert client.get_code("I50.9").title == "Heart failure, unspecified"
    assert client.search_codes("heart failure", limit=3).hits[0].code.code == "I50.9"
    assert fake.requests[-1].limit == 3
    client.search_codes("heart failure")
    assert not fake.requests[-1].HasField("limit")


def test_a_deadline_is_the_callers_or_the_methods_own(make_client: MakeClient, fake: FakeBertillon) -> None:
    fake.gate.clear()
    with pytest.raises(bertillon.DeadlineExceededError, match="allow more time"):
        list(make_client().code_note(NOTE, timeout=0.2))
    with pytest.raises(bertillon.DeadlineExceededError):
        list(make_client(timeouts=Timeouts(code_note=0.2)).code_note(NOTE))


def test_what_is_unavailable_overloaded_or_dropped_is_tried_again(client: Any, fake: FakeBertillon) -> None:
    fake.failures.extend(
        [
            Failure(grpc.StatusCode.UNAVAILABLE),
            Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "full"),
            Failure(grpc.StatusCode.CANCELLED, "CANCELLED"),
        ]
    )

    assert client.get_code("I50.9").billable
    assert fake.calls["GetCode"] == 4


def test_a_call_that_its_own_caller_cancels_is_not_tried_again() -> None:
    class Waiting(FakeBertillon):
        entered, leave = threading.Event(), threading.Event()

        def begin(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
            super().begin(method, request, context)
            self.entered.set()
            self.leave.wait(PATIENCE_S)

    fake = Waiting()
    server, target = start_server(fake)
    with Connection(target=target, retries=QUICK).open() as channel:
        future = CatalogServiceStub(channel).GetCode.future(GetCodeRequest(code="I50.9"))
        assert fake.entered.wait(PATIENCE_S)
        future.cancel()
        fake.leave.set()
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
        # Longer than any pause of these retries.
        time.sleep(4 * QUICK.max_backoff)
        assert fake.calls["GetCode"] == 1
    server.stop(None).wait()


def test_tries_are_bounded(client: Any, fake: FakeBertillon) -> None:
    fake.failures.extend([Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")] * 9)

    with pytest.raises(bertillon.OverloadedError, match="at capacity"):
        list(client.code_note(NOTE))
    assert fake.calls["CodeNote"] == 4


def test_a_pushback_sets_the_time_of_the_next_try(client: Any, fake: FakeBertillon) -> None:
    fake.failures.append(
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", [("grpc-retry-pushback-ms", "400")])
    )
    begun = time.monotonic()

    assert client.code_section("Has diabetes.").section.mentions
    # Without the pushback the next try comes within 60 ms.
    assert time.monotonic() - begun >= 0.35


def test_a_negative_pushback_forbids_another_try(client: Any, fake: FakeBertillon) -> None:
    fake.failures.append(
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", [("grpc-retry-pushback-ms", "-1")])
    )

    with pytest.raises(bertillon.OverloadedError) as caught:
        client.get_code("I50.9")
    assert fake.calls["GetCode"] == 1
    assert caught.value.retry_after is None


def test_a_long_note_is_tried_again_too(client: Any, fake: FakeBertillon) -> None:
    fake.failures.append(Failure(grpc.StatusCode.UNAVAILABLE))

    assert client.code_note_all("Has diabetes. " * 60_000).summary.codes
    assert fake.calls["CodeNote"] == 2


def test_field_violations_and_reason_of_a_refusal_are_read(client: Any, fake: FakeBertillon) -> None:
    bad = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="note.text", description="must not be blank.")
        ]
    )
    info = error_details_pb2.ErrorInfo(reason="TEXT_BLANK", domain="bertillon")
    fake.failures.append(
        Failure(grpc.StatusCode.INVALID_ARGUMENT, "no", [("grpc-status-details-bin", rich_status(bad, info))])
    )

    with pytest.raises(bertillon.InvalidRequestError) as caught:
        list(client.code_note(" "))
    error = caught.value
    assert [(v.field, v.description) for v in error.violations] == [("note.text", "must not be blank.")]
    assert error.reason == "TEXT_BLANK"
    assert str(error) == (
        "the request is not valid (note.text: must not be blank); correct it and send it again"
    )


def test_retry_info_becomes_seconds() -> None:
    delay = duration_pb2.Duration(seconds=1, nanos=500_000_000)
    details = read_details(rich_status(error_details_pb2.RetryInfo(retry_delay=delay)))

    error = make_error(grpc.StatusCode.RESOURCE_EXHAUSTED, "", details)
    assert error.retry_after == 1.5
    assert "in 1.50 s" in str(error)


@given(st.binary(max_size=200))
def test_damaged_details_never_hide_the_status(data: bytes) -> None:
    assert isinstance(make_error(grpc.StatusCode.NOT_FOUND, "", read_details(data)), bertillon.NotFoundError)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "", bertillon.InvalidRequestError),
        (grpc.StatusCode.UNAUTHENTICATED, "", bertillon.AccessDeniedError),
        (grpc.StatusCode.PERMISSION_DENIED, "", bertillon.AccessDeniedError),
        (grpc.StatusCode.FAILED_PRECONDITION, "", bertillon.PreconditionError),
        (grpc.StatusCode.INTERNAL, "", bertillon.ServerError),
        (grpc.StatusCode.UNIMPLEMENTED, "", bertillon.ServerError),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", bertillon.UnavailableError),
        (grpc.StatusCode.CANCELLED, "", bertillon.CallCancelledError),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "SERVER: Received message larger than max (9 vs. 4)",
            bertillon.MessageTooLargeError,
        ),
    ],
)
def test_each_status_has_its_error(
    code: grpc.StatusCode, words: str, kind: type[bertillon.BertillonError]
) -> None:
    error = make_error(code, words, read_details(b""))

    assert type(error) is kind
    assert error.status is code
    assert "\n" not in str(error)
    restored = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
    assert (type(restored), str(restored), restored.status) == (kind, str(error), code)


def test_a_code_that_does_not_exist_is_not_found(client: Any) -> None:
    with pytest.raises(bertillon.NotFoundError, match="check the code and the date of service"):
        client.get_code("Z99.99")


def test_a_note_over_the_clients_limit_is_refused_before_it_is_sent(
    make_client: MakeClient, fake: FakeBertillon
) -> None:
    with pytest.raises(bertillon.MessageTooLargeError, match="split the note, or raise the limit on both"):
        list(make_client(max_request_bytes=1000).code_note("x" * 1000))
    assert not fake.calls


def test_half_a_surrogate_pair_is_refused_without_quoting_the_text(client: Any) -> None:
    with pytest.raises(bertillon.InvalidRequestError, match="position 7") as caught:
        list(client.code_note("SECRET \ud800 SECRET"))
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(bertillon.InvalidRequestError):
        client.code_section("\udfff")


def test_an_unreachable_server_is_unavailable(make_client: MakeClient) -> None:
    with pytest.raises(bertillon.UnavailableError, match="check the target"):
        make_client(target="127.0.0.1:1").get_code("I50.9")


def test_calls_carry_the_user_agent_and_the_current_token(
    make_client: MakeClient, fake: FakeBertillon
) -> None:
    tokens = iter(["first", "second"])
    client = make_client(token=lambda: next(tokens))
    client.get_code("I50.9")
    client.get_code("I50.9")

    assert fake.metadata[0]["user-agent"].startswith(f"bertillon/{bertillon.__version__} ")
    assert [seen["authorization"] for seen in fake.metadata] == ["Bearer first", "Bearer second"]


def test_a_token_never_travels_in_the_clear_to_another_host(make_client: MakeClient) -> None:
    with pytest.raises(ValueError, match="must not travel in the clear"):
        make_client(target="coder.example:443", token="t")  # noqa: S106
    make_client(target="localhost:50051", token="t")  # noqa: S106
    make_client(target="[::1]:50051", token="t")  # noqa: S106
    make_client(target="coder.example:443", token="t", token_without_tls=True)  # noqa: S106


@given(st.sampled_from([bertillon.Assertion, bertillon.SectionKind, bertillon.SuppressionReason]), st.data())
def test_labels_are_the_names_of_the_contract_in_plain_words(enum: Any, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(enum.values()))
    label = bertillon.label(enum, value)

    assert label.upper().replace(" ", "_") in enum.Name(value)
    assert bertillon.label(enum, 9999) == "9999"


async def test_the_asynchronous_client_is_a_context_manager(target: str) -> None:
    async with bertillon.AsyncBertillon(target) as client:
        assert (await client.get_code("I50.9")).billable


def test_the_synchronous_client_is_a_context_manager(target: str) -> None:
    with bertillon.Bertillon(target) as client:
        assert client.get_code("I50.9").billable
    with pytest.raises(ValueError, match="closed"):
        client.get_code("I50.9")
