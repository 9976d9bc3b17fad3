"""How much one call may ask for; set once from the server's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Fixed by the contract, hence no settings.
MAX_NOTE_ID_BYTES: Final = 256
MAX_ALTERNATIVES: Final = 50
DEFAULT_ALTERNATIVES: Final = 3
MAX_AGE_YEARS: Final = 150
MAX_QUERY_CODE_POINTS: Final = 500
MAX_HITS: Final = 100
DEFAULT_HITS: Final = 10
# The longest codes of the systems known are 8 characters with their point; this leaves room for customers'.
MAX_CODE_CHARACTERS: Final = 32
# An encounter has a note for each of those who saw the patient; a chart is no encounter.
MAX_AUDITED_NOTES: Final = 20
# A claim has 25 diagnoses; a sequence far beyond that is a mistake.
MAX_POSITION: Final = 10_000
# A title that is not in the text serves to find the kind of a section; none is a paragraph.
MAX_TITLE_CODE_POINTS: Final = 500
# A note has dozens of sections. Each is a task, and what lies between two is one more.
MAX_PRE_CUT_SECTIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that an operator may move; lengths in code points, times in seconds."""

    note_code_points: int = 200_000
    section_code_points: int = 20_000
    bulk_notes_in_flight: int = 8
    audit_codes: int = 200
    concurrent_rpcs: int = 1_024
    stall_s: float = 60.0
