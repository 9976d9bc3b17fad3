"""A real server codes procedures with what was imported, and takes up what is imported while it runs."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from benchmarks.service import Service, serving

from bertillon.coding.v1 import catalog_service_pb2 as catalog_pb
from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon.coding.v1.catalog_service_pb2_grpc import CatalogServiceStub
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub

PROGRAM = Path(sys.executable).with_name("bertillon-server")
PCS = """0DTJ0ZZ Resection of Appendix, Open Approach
0DTJ4ZZ Resection of Appendix, Percutaneous Endoscopic Approach
0FT40ZZ Resection of Gallbladder, Open Approach
0FT44ZZ Resection of Gallbladder, Percutaneous Endoscopic Approach
0SRC0JZ Replacement of Right Knee Joint with Synthetic Substitute, Open Approach
0SRD0JZ Replacement of Left Knee Joint with Synthetic Substitute, Open Approach
"""
INDEX = """<?xml version="1.0"?><ICD10PCS.index><letter><title>G</title><mainTerm><title>Gallbagectomy</title>
<see>Resection, Gallbladder<codes>0FT4</codes></see></mainTerm></letter></ICD10PCS.index>"""
OWN = """code,title,terms
X1000,Fitting of a toe ring,ring fitting
X2000,Laparoscopic removal of the appendix,laparoscopic appendectomy
"""
NOTE = """ASSESSMENT: Hypertension 🙂.

PROCEDURE PERFORMED: Laparoscopic appendectomy.

PAST SURGICAL HISTORY: Left total knee arthroplasty 2015.
"""
DATE = "2026-03-04"
# Longer than a reload takes on a busy machine.
PATIENCE_S = 60.0


class Running(NamedTuple):
    """A server and the stubs of its services."""

    service: Service
    coding: CodingServiceStub
    catalog: CatalogServiceStub
    catalog_dir: Path

    def code(self, setting: types.Setting.ValueType, *systems: str, unit: int = 0, text: str = NOTE) -> Coded:
        note = pb.Note(text=text, setting=setting, date_of_service=DATE)
        options = pb.CodingOptions(code_systems=systems, offset_unit=unit)  # type: ignore[arg-type]
        sections, summary = [], pb.EncounterSummary()
        for event in self.coding.CodeNote(pb.CodeNoteRequest(note=note, options=options), timeout=60):
            if event.HasField("section"):
                sections.append(event.section)
            if event.HasField("summary"):
                summary = event.summary
        return Coded(summary, [mention for section in sections for mention in section.mentions])


class Coded(NamedTuple):
    """A summary, and the mentions of all sections."""

    summary: pb.EncounterSummary
    mentions: list[types.Mention]

    @property
    def procedures(self) -> list[tuple[str, str]]:
        return [(item.code.system, item.code.code) for item in self.summary.procedures]

    @property
    def diagnoses(self) -> list[str]:
        return [item.code.code for item in self.summary.codes]


def bring(catalog_dir: Path, name: str, text: str, *flags: str) -> None:
    file = catalog_dir.parent / name
    file.write_text(text)
    subprocess.run(
        [PROGRAM, "catalog", "import", *flags, "--from=2025-10-01", f"--catalog-dir={catalog_dir}", file],
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("procedures")
    catalog_dir = folder / "catalog"
    (folder / "index.xml").write_text(INDEX)
    bring(catalog_dir, "pcs.txt", PCS, "--system=icd-10-pcs", f"--index={folder / 'index.xml'}")
    bring(catalog_dir, "own.csv", OWN, "--system=custom", "--id=own")
    (folder / "server").mkdir()
    with (
        serving(folder / "server", f"--catalog-dir={catalog_dir}", bundle=bundle) as service,
        grpc.insecure_channel(service.target) as channel,
    ):
        yield Running(service, CodingServiceStub(channel), CatalogServiceStub(channel), catalog_dir)


def test_inpatient_procedures_are_coded_in_pcs_apart_from_the_diagnoses(running: Running) -> None:
    coded = running.code(types.SETTING_INPATIENT)
    assert coded.procedures == [("icd-10-pcs", "0DTJ4ZZ")]
    assert coded.diagnoses == ["I10"]
    versions = [(one.system, one.version) for one in coded.summary.versions.code_sets]
    assert versions == [("icd-10-cm", "2026-04-01"), ("icd-10-pcs", "2025-10-01")]
    (left_out,) = coded.summary.suppressed_procedures
    assert (left_out.code.code, left_out.reason) == ("0SRD0JZ", types.SUPPRESSION_REASON_HISTORICAL)


def test_outpatient_procedures_are_coded_with_the_set_of_the_customer(running: Running) -> None:
    for setting in (types.SETTING_OUTPATIENT, types.SETTING_UNSPECIFIED):
        assert running.code(setting).procedures == [("own", "X2000")]


def test_a_system_that_is_named_is_used_in_any_setting_and_alone(running: Running) -> None:
    coded = running.code(types.SETTING_OUTPATIENT, "icd-10-pcs")
    assert coded.procedures == [("icd-10-pcs", "0DTJ4ZZ")]
    assert coded.diagnoses == []
    assert running.code(types.SETTING_INPATIENT, "icd-10-cm").procedures == []
    both = running.code(types.SETTING_INPATIENT, "icd-10-cm", "icd-10-pcs", "own")
    assert both.diagnoses == ["I10"]
    assert sorted(both.procedures) == [("icd-10-pcs", "0DTJ4ZZ"), ("own", "X2000")]


def test_the_diagnoses_are_the_same_with_procedures_and_without(running: Running) -> None:
    def diagnoses(coded: Coded) -> list[types.Mention]:
        found = [one for one in coded.mentions if one.code.system == "icd-10-cm"]
        return sorted(found, key=lambda one: one.evidence.span.start)  # sections come as they are done

    alone = diagnoses(running.code(types.SETTING_INPATIENT, "icd-10-cm"))
    assert diagnoses(running.code(types.SETTING_INPATIENT)) == alone


@pytest.mark.parametrize(
    ("unit", "encoding", "width"),
    [
        (types.OFFSET_UNIT_CODE_POINTS, "utf-32-le", 4),
        (types.OFFSET_UNIT_UTF8_BYTES, "utf-8", 1),
        (types.OFFSET_UNIT_UTF16_UNITS, "utf-16-le", 2),
    ],
)
def test_the_evidence_of_a_procedure_is_in_the_callers_unit(
    running: Running, unit: int, encoding: str, width: int
) -> None:
    coded = running.code(types.SETTING_INPATIENT, unit=unit)
    procedures = [one for one in coded.mentions if one.type == types.MENTION_TYPE_PROCEDURE]
    raw = NOTE.encode(encoding)
    assert [one.evidence.quote for one in procedures] != []
    for one in procedures:
        span = one.evidence.span
        assert raw[span.start * width : span.end * width].decode(encoding) == one.evidence.quote


def test_a_system_that_is_not_loaded_is_refused_with_those_that_are(running: Running) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        running.code(types.SETTING_INPATIENT, "cpt")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "icd-10-cm, icd-10-pcs, own" in str(caught.value.details())


def test_a_section_and_a_stream_of_notes_have_procedures_too(running: Running) -> None:
    section = running.coding.CodeSection(
        pb.CodeSectionRequest(
            text="Laparoscopic appendectomy.",
            kind=types.SECTION_KIND_PROCEDURE,
            setting=types.SETTING_INPATIENT,
            date_of_service=DATE,
        ),
        timeout=60,
    )
    note = pb.Note(note_id="1", text=NOTE, setting=types.SETTING_INPATIENT, date_of_service=DATE)
    events = list(running.coding.CodeNotes(iter([pb.CodeNotesRequest(note=note)]), timeout=60))
    for summary in (section.summary, events[-1].summary):
        assert [item.code.code for item in summary.procedures] == ["0DTJ4ZZ"]


@pytest.mark.parametrize(("query", "found"), [("appendectomy", "0DTJ"), ("gallbagectomy", "0FT4")])
def test_a_search_finds_what_clinicians_call_a_procedure(running: Running, query: str, found: str) -> None:
    request = catalog_pb.SearchCodesRequest(system="icd-10-pcs", query=query, date_of_service=DATE)
    hits = running.catalog.SearchCodes(request, timeout=60).hits
    assert [hit.code.code[:4] for hit in hits[:2]] == [found, found]


def reloaded(running: Running, event: str = "catalog_reloaded") -> dict[str, object]:
    """Tell the server to load the catalog again, and return the entry of its log that says so."""
    before = len(running.service.log_entries())
    running.service.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        entries = [
            one for one in running.service.log_entries()[before:] if one["event"].startswith("catalog_re")
        ]
        if entries:
            assert entries[0]["event"] == event
            return entries[0]
        time.sleep(0.02)
    raise AssertionError("the server has not loaded the catalog again")


def test_sighup_brings_in_what_is_new_replaced_or_removed(running: Running) -> None:
    bring(
        running.catalog_dir,
        "more.csv",
        "code,title\nY1,Blessing of the left shoe\n",
        "--system=custom",
        "--id=more",
    )
    with pytest.raises(grpc.RpcError):
        running.code(types.SETTING_OUTPATIENT, "more")
    reloaded(running)
    blessed = "PROCEDURE PERFORMED: Blessing of the left shoe.\n"
    assert running.code(types.SETTING_OUTPATIENT, "more", text=blessed).procedures == [("more", "Y1")]
    bring(
        running.catalog_dir,
        "more.csv",
        "code,title\nY2,Blessing of the left shoe\n",
        "--system=custom",
        "--id=more",
        "--replace",
    )
    # Until it is told, the server goes on with the release that is no longer at its place.
    assert running.code(types.SETTING_OUTPATIENT, "more", text=blessed).procedures == [("more", "Y1")]
    reloaded(running)
    assert running.code(types.SETTING_OUTPATIENT, "more", text=blessed).procedures == [("more", "Y2")]
    shutil.rmtree(running.catalog_dir / "codes" / "more")
    reloaded(running)
    with pytest.raises(grpc.RpcError):
        running.code(types.SETTING_OUTPATIENT, "more")
    assert running.code(types.SETTING_INPATIENT).procedures == [("icd-10-pcs", "0DTJ4ZZ")]


def test_a_release_that_is_broken_leaves_all_as_it_was(running: Running) -> None:
    broken = running.catalog_dir / "codes" / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "codes.sqlite").write_bytes(b"Blessing of the left shoe")
    try:
        entry = reloaded(running, "catalog_reload_failed")
    finally:
        shutil.rmtree(broken.parent)
    assert "damaged" in str(entry["reason"])
    assert "Blessing" not in str(entry)
    assert running.code(types.SETTING_INPATIENT).procedures == [("icd-10-pcs", "0DTJ4ZZ")]
    reloaded(running)


def test_calls_in_flight_end_with_what_they_began_with(running: Running) -> None:
    text = NOTE + "ASSESSMENT:\n" + "".join(f"{n}. Hypertension and gout of note {n}.\n" for n in range(150))
    note = pb.Note(text=text, setting=types.SETTING_INPATIENT, date_of_service=DATE)
    events = running.coding.CodeNote(pb.CodeNoteRequest(note=note), timeout=60)
    next(events)
    reloaded(running)
    *_, last = events
    assert [item.code.code for item in last.summary.procedures] == ["0DTJ4ZZ"]
