"""Where the sections of a note are coded: in the server process, or shared out among others."""

from __future__ import annotations

import dataclasses

import pytest

from bertillon_server.coding.elsewhere import Plan, plan_of
from bertillon_server.coding.note_stages import Piece
from bertillon_server.coding.results import NoteInput, Section, Versions
from bertillon_server.coding.section_cache import Lone
from bertillon_server.coding.spans import Span
from bertillon_server.coding.vocabulary import SectionKind
from bertillon_server.inference.call import Priority


@dataclasses.dataclass
class Others:
    """Processes as a plan sees them; `asked` tells whether they were to start."""

    has_ready: bool = True
    idle: int = 2
    are_in_bulk: bool = False
    asked: bool = False

    def are_ready(self) -> bool:
        self.asked = True
        return self.has_ready


def piece(length: int, *, by_itself: bool = True) -> Piece:
    whole = Span(0, length)
    section = Section(0, SectionKind.PLAN, whole, None, whole)
    lone = Lone(NoteInput("x" * length), section, codeable=True, versions=Versions("", "", ()))
    return Piece(section, codeable=True, lone=lone if by_itself else None)


PIECES = [piece(100), piece(900), piece(1_000), piece(700)]


def planned(
    priority: Priority = Priority.STANDARD,
    others: Others | None = None,
    pieces: list[Piece] = PIECES,
    *,
    has_company: bool = True,
    has_room: bool = True,
) -> Plan:
    return plan_of(pieces, priority, others or Others(), has_company=has_company, has_room=has_room)


def lengths(plan: Plan) -> tuple[list[int], list[list[int]]]:
    jobs = sorted(sorted(one.code_points for one in job) for job in plan.jobs)
    return sorted(one.code_points for one in plan.here), jobs


EVERY = [100, 700, 900, 1_000]


def test_idle_processes_share_a_standard_note_and_its_shortest_section_stays() -> None:
    assert lengths(planned()) == ([100], [[700, 900], [1_000]])


def test_a_shortest_section_that_is_long_goes_too() -> None:
    assert lengths(planned(pieces=[piece(20_000), piece(20_000)])) == ([], [[20_000], [20_000]])


def test_a_bulk_note_goes_as_one_job_and_whole() -> None:
    assert lengths(planned(Priority.BULK)) == ([], [EVERY])


def test_an_interactive_note_and_one_whose_sections_are_coded_in_their_note_stay() -> None:
    assert lengths(planned(Priority.INTERACTIVE)) == (EVERY, [])
    assert lengths(planned(Priority.BULK, pieces=[piece(700, by_itself=False)])) == ([700], [])


def test_processes_are_started_for_bulk_notes_and_for_company_and_not_for_a_note_alone() -> None:
    for priority, has_company, asked in (
        (Priority.BULK, False, True),
        (Priority.STANDARD, True, True),
        (Priority.STANDARD, False, False),
        (Priority.INTERACTIVE, True, False),
    ):
        others = Others(has_ready=False, idle=0)
        assert lengths(planned(priority, others, has_company=has_company)) == (EVERY, [])
        assert others.asked is asked


def test_with_none_idle_a_standard_note_goes_to_one_of_them() -> None:
    assert lengths(planned(others=Others(idle=0))) == ([], [EVERY])


def test_a_standard_note_does_not_wait_for_bulk_notes_while_there_is_room_here() -> None:
    in_bulk = Others(idle=0, are_in_bulk=True)
    stays, goes = planned(others=in_bulk), planned(others=in_bulk, has_room=False)
    assert (lengths(stays), stays.stays) == ((EVERY, []), True)
    assert (lengths(goes), goes.stays) == (([], [EVERY]), False)
    assert lengths(planned(Priority.BULK, in_bulk)) == ([], [EVERY])


@pytest.mark.parametrize(
    ("pieces", "idle"), [([piece(100), piece(5_000)], 2), ([piece(5_000)], 2), (PIECES, 1)]
)
def test_a_note_alone_that_could_not_be_shared_evenly_has_all_cores_here(
    pieces: list[Piece], idle: int
) -> None:
    plan = planned(others=Others(idle=idle), pieces=pieces, has_company=False)
    assert (plan.here, plan.jobs) == (pieces, [])


def test_a_note_alone_is_shared_by_processes_that_are_there() -> None:
    assert lengths(planned(has_company=False)) == ([100], [[700, 900], [1_000]])


def test_nothing_that_is_not_known_is_nothing_to_share() -> None:
    for priority in Priority:
        assert lengths(planned(priority, pieces=[])) == ([], [])
