"""What the servicers ask of the layers below; `coding.flow` and `catalog.store` meet it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from bertillon_server.coding.results import Event, NoteInput
from bertillon_server.inference.call import Call


class NoteCoder(Protocol):
    """Codes notes; both methods raise the errors of `inference.errors`."""

    def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        """Yield the outline, the section results as they are done, then the encounter summary."""

    def search_terms(self, query: str, system: str, version: str) -> list[tuple[str, str]]:
        """Return the codes (code, title) that a query as a whole is a known term of, best first."""

    async def search_semantic(
        self, query: str, system: str, version: str, limit: int, call: Call
    ) -> list[tuple[str, str, float]]:
        """Return the codes nearest in meaning as (code, title, score), best first."""
