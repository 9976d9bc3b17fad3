"""A word of a note shows up nowhere but in the reply."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import Any

import grpc
import pytest
from benchmarks.service import Service

from bertillon import (
    Bertillon,
    BertillonError,
    CodingOptions,
    Note,
    PreCutSection,
    ProposedCode,
    Retries,
    SearchMode,
    SectionKind,
    Span,
)
from bertillon.coding.v1.coding_service_pb2 import CodeNoteRequest
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub

# In capitals as well, and no word of any vocabulary: whatever holds it has it from the notes below.
SENTINEL = "xyzzyphus"
NOTE = f"""{SENTINEL.upper()} SYNDROME:
Mr. {SENTINEL} has hypertension and chronic {SENTINEL} of the left knee. No {SENTINEL}. Mother had {SENTINEL}.

ASSESSMENT:
1. Severe {SENTINEL} disease with heart failure.
2. Likely {SENTINEL}.
"""


def failures(client: Bertillon) -> list[str]:
    """Do everything that goes wrong with the sentinel in it; return all that was said of it."""
    span = PreCutSection(span=Span(start=5, end=10_000), title=SENTINEL)
    notes = [
        (Note(text=NOTE, date_of_service=SENTINEL), CodingOptions()),
        (Note(text=NOTE, sections=[span]), CodingOptions()),
        (Note(text=NOTE), CodingOptions(code_systems=[SENTINEL])),
        (Note(text=NOTE * 1_000), CodingOptions()),
        (Note(text=NOTE * 8_000), CodingOptions()),
    ]
    calls: list[Any] = [
        *(lambda n=note, o=options: client.code_note_all(n, options=o) for note, options in notes),
        lambda: client.code_note_all(NOTE * 30, timeout=0.001),
        lambda: client.code_note_all(NOTE * 30, timeout=0.004),
        lambda: client.code_section(NOTE * 200),
        lambda: client.audit_note(NOTE, ["I10"], date_of_service=SENTINEL),
        lambda: client.audit_note(NOTE, ["I10"] * 201),
        lambda: client.audit_note(NOTE, [ProposedCode(system=SENTINEL, code="I10")]),
        lambda: client.audit_note(NOTE * 1_000, ["I10"]),
        lambda: client.audit_note(NOTE * 30, ["I10"], timeout=0.001),
        lambda: client.get_code(SENTINEL),
        lambda: client.get_code("I10", system=SENTINEL),
        lambda: client.search_codes(SENTINEL * 100),
    ]
    said = []
    for call in calls:
        with pytest.raises(BertillonError) as caught:
            call()
        said += [repr(caught.value), repr(caught.value.__cause__), repr(caught.value.violations)]
    bad = [Note(note_id="a", text=NOTE, date_of_service=SENTINEL), Note(note_id="b", text=NOTE * 1_000)]
    said += [repr(result) for _, result in client.code_notes(bad)]
    return said


def malformed(target: str) -> list[str]:
    """Send a message that is no UTF-8; return what is said of it."""
    raw = CodeNoteRequest(note=Note(text=NOTE)).SerializeToString().replace(b"Severe", b"\xff" * 6)
    with grpc.insecure_channel(target) as channel:
        method: Any = channel.unary_stream("/bertillon.coding.v1.CodingService/CodeNote")
        with pytest.raises(grpc.RpcError) as caught:
            list(method(raw))
    return [repr(caught.value), repr(caught.value.trailing_metadata())]


def test_a_sentinel_in_a_note_is_in_no_log_line_metric_error_or_file(
    client: Bertillon, server: Service
) -> None:
    note = Note(note_id="1", text=NOTE, date_of_service="2026-05-11")
    result = client.code_note_all(note)
    assert SENTINEL in str(result.outline) + str(result.sections)
    assert SENTINEL not in repr(result)
    list(client.code_notes([note]))
    client.code_section(NOTE, kind=SectionKind.SECTION_KIND_ASSESSMENT)
    # A proposed code is the caller's text as well, and one that is no code is a finding.
    audit = client.audit_note(NOTE, ["I10", "I50.1", SENTINEL], date_of_service="2026-05-11")
    assert SENTINEL in str(audit)
    for mode in (SearchMode.SEARCH_MODE_TYPEAHEAD, SearchMode.SEARCH_MODE_HYBRID):
        client.search_codes(f"heart failure {SENTINEL}", mode=mode)
    with contextlib.closing(client.code_note(NOTE * 30)) as events:
        list(islice(events, 2))
    said = [*failures(client), *malformed(server.target), server.scrape()]
    with Bertillon(server.target, max_request_bytes=2**24, retries=Retries(attempts=1)) as careless:
        with pytest.raises(BertillonError) as caught:
            careless.code_note_all(NOTE * 8_000)
        said.append(repr(caught.value))
    assert not [words for words in said if SENTINEL in words.lower()]

    log = server.log_entries()
    assert len([entry for entry in log if entry["event"] == "rpc"]) > 15
    files = [path for path in server.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"server.log", "stderr.txt"}
    assert not [path for path in files if SENTINEL in path.read_text("utf-8").lower()]


def test_what_is_logged_of_a_call_is_its_sizes_and_times(client: Bertillon, server: Service) -> None:
    client.code_note_all(Note(note_id="their own id", text=NOTE))
    (line,) = [entry for entry in server.log_entries() if entry["event"] == "rpc"][-1:]
    assert line["code"] == "OK"
    assert line["code_points"] == len(NOTE)
    assert line["sections"] == 2
    assert "their own id" not in str(line)


def test_a_stub_of_ones_own_gets_no_word_of_the_note_with_an_error(server: Service) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = CodingServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.CodeNote(CodeNoteRequest(note=Note(text=NOTE, date_of_service=SENTINEL))))
    assert SENTINEL not in f"{caught.value.details()} {caught.value.trailing_metadata()}".lower()
