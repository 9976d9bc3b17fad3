"""A section that was carried from note to note is coded once, and says the same wherever it stands."""

from __future__ import annotations

from benchmarks.service import Service
from replies import assert_sound

from bertillon import Bertillon, Mention, Note, NoteResult

ASSESSMENT = "ASSESSMENT:\n1. Type 2 diabetes with neuropathy, likely worse\n2. Right knee osteoarthritis\n"
FIRST = f"HPI: Cough for three days, no fever.\n\n{ASSESSMENT}"
SECOND = f"HPI: Comes back for blood pressure; left ear pain since Monday.\n\n{ASSESSMENT}\nPLAN:\nRest.\n"


def told(result: NoteResult, text: str) -> list[tuple[str, float, str]]:
    """Return code, confidence and words of what the assessment mentions."""
    mentions: list[Mention] = [
        mention
        for coded in result.sections
        for mention in coded.mentions
        if mention.evidence.span.start >= text.index(ASSESSMENT)
    ]
    return [(m.code.code, m.confidence, text[m.evidence.span.start : m.evidence.span.end]) for m in mentions]


def test_a_section_carried_forward_is_found_and_says_the_same(client: Bertillon, server: Service) -> None:
    before = client.code_note_all(FIRST)
    hits = server.metric("section_lookups_total", result="hit")
    after = client.code_note_all(Note(text=SECOND, date_of_service="2026-05-04"))
    assert server.metric("section_lookups_total", result="hit") == hits + 1
    assert_sound(after, SECOND)
    assert told(after, SECOND) == told(before, FIRST) != []
    assert 0 < server.metric("section_cache_bytes") <= 16 * 2**20
