"""What sections were coded to, for text that is copied forward from note to note.

Clinicians carry whole sections from one note of a patient to the next. A section is coded by itself, apart from the
rest of its note, so the result depends on nothing but what `Key` hashes; where it stands is added afterwards.

No text is kept: keys are hashes under a random key of the process, and a result has places, codes and numbers. What
is stored is packed to bytes, so that the bound is exact and no collection of garbage walks over it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Protocol, TypeVar

from bertillon_server.coding.results import NoteInput, Section, Versions
from bertillon_server.coding.spans import Span
from bertillon_server.inference.call import Call, Priority
from bertillon_server.inference.errors import DeadlineUnreachableError

ENTRY_BYTES = 256
"""What an entry takes beside its packed result: key, headers of two objects, a place in an ordered dictionary."""

P = TypeVar("P", bound="Packed")

_DIGEST_BYTES = 16


class LookUp(StrEnum):
    """How a section was found."""

    HIT = "hit"
    """Coded before."""
    JOINED = "joined"
    """Being coded for another call, or for another place of the same note."""
    MISS = "miss"
    """Neither: it is coded now."""


class Packed(Protocol):
    """A result that knows what it packs to."""

    @property
    def packed(self) -> bytes:
        """What `pack` returns of it."""
        ...


class CacheObserver(Protocol):
    """Counts what happens. Called on the event loop: must be quick and must not raise."""

    def section_looked_up(self, result: LookUp, code_points: int) -> None:
        """Note that a section of so many code points was looked for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lone:
    """A section by itself: all that coding it depends on, and nothing else of its note.

    `note.text` is the text of the section, `section` has its spans in there; `codeable` says whether mentions in it
    are expected to become codes of the encounter; `versions` name bundle, rules and release.
    """

    note: NoteInput
    section: Section
    codeable: bool
    versions: Versions


def alone(note: NoteInput, section: Section, versions: Versions, *, codeable: bool) -> Lone:
    """Return a section of a note by itself."""
    by = -section.span.start
    # White space at its end depends on what follows.
    text = section.span.of(note.text).rstrip()
    start, end = section.body.shifted(by)
    moved = Section(
        index=0,
        kind=section.kind,
        span=Span(0, len(text)),
        title=None if section.title is None else section.title.shifted(by),
        body=Span(min(start, len(text)), min(end, len(text))),
    )
    # The date chose the release, the rest of the note its sections and their kinds: neither counts any more.
    rest = dataclasses.replace(note, text=text, date_of_service=None, sections=(), kind=None)
    return Lone(rest, moved, codeable, versions)


class Begun:
    """A section that is being coded, and for whom; the future has the packed result, None if there is none."""

    __slots__ = ("future", "priority")

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self.future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()


class SectionCache:
    """Packed results by key, least recently used first, within a bound of bytes. Belongs to one event loop."""

    def __init__(self, max_bytes: int, observer: CacheObserver | None = None) -> None:
        if max_bytes < 1:
            raise ValueError("a cache has some bytes")
        self._max_bytes = max_bytes
        self._observer = observer
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._begun: dict[bytes, Begun] = {}

    @property
    def size(self) -> int:
        """Bytes that the entries take, by estimate a little more than in truth."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def keys(self, lones: Sequence[Lone], generation: int = 0) -> list[bytes]:
        """Return hashes of everything that the results of sections of one note depend on; any thread may ask.

        `generation` tells apart what was loaded at one time from what is loaded at another under the same versions.
        """
        if not lones:
            return []
        # Whatever fields there are: one that is added later counts without being named here.
        shared = dataclasses.astuple(dataclasses.replace(lones[0].note, text=""))
        hashed = blake2b(key=self._secret, digest_size=_DIGEST_BYTES)
        hashed.update(repr((generation, lones[0].versions, shared)).encode("utf-8", "surrogatepass"))
        keys = []
        for lone in lones:
            own = hashed.copy()
            own.update(repr((lone.section, lone.codeable)).encode())
            own.update(lone.note.text.encode("utf-8", "surrogatepass"))
            keys.append(own.digest())
        return keys

    def recall(self, key: bytes, code_points: int) -> bytes | None:
        """Return the packed result of a section that is kept, None where it is not."""
        packed = self._get(key)
        if packed is not None:
            self._count(LookUp.HIT, code_points)
        return packed

    async def find(self, key: bytes, code_points: int, call: Call) -> bytes | None:
        """Return the packed result of a section, waiting where it is being coded; None when the caller has to.

        The caller then has it coded by `code`. Raises DeadlineUnreachableError.
        """
        result = LookUp.HIT
        packed = self._get(key)
        while packed is None and (begun := self._begun.get(key)) is not None:
            if begun.priority > call.priority:
                break  # what is urgent does not wait for what is not
            result = LookUp.JOINED
            packed = await _result_of(begun, call)
        if packed is None:
            result = LookUp.MISS
        self._count(result, code_points)
        return packed

    async def code(self, key: bytes, call: Call, coding: Callable[[], Awaitable[P]]) -> P:
        """Code a section that was not found, and keep what it packs to; others that need it may wait for it."""
        begun = self._begun[key] = Begun(call.priority)
        packed = None
        try:
            coded = await coding()
            packed = coded.packed
            return coded
        finally:
            self.end(key, begun, packed)

    def begin(self, key: bytes, code_points: int, call: Call) -> Begun | None:
        """Note that a section which is not kept is coded now, by a caller who will `end` it, whatever happens.

        None where another call is coding it that is as urgent: `find` waits for that.
        """
        begun = self._begun.get(key)
        if begun is not None and begun.priority <= call.priority:
            return None
        self._count(LookUp.MISS, code_points)
        begun = self._begun[key] = Begun(call.priority)
        return begun

    def end(self, key: bytes, begun: Begun, packed: bytes | None) -> None:
        """Keep what a section came to, and give it to those who wait for it; None where it came to nothing."""
        if packed is not None:
            self._keep(key, packed)
        if self._begun.get(key) is begun:
            del self._begun[key]
        begun.future.set_result(packed)

    def _count(self, result: LookUp, code_points: int) -> None:
        if self._observer is not None:
            self._observer.section_looked_up(result, code_points)

    def _get(self, key: bytes) -> bytes | None:
        packed = self._kept.get(key)
        if packed is not None:
            self._kept.move_to_end(key)
        return packed

    def _keep(self, key: bytes, packed: bytes) -> None:
        size = len(packed) + ENTRY_BYTES
        if key in self._kept or size > self._max_bytes:
            return
        self._kept[key] = packed
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest) + ENTRY_BYTES


async def _result_of(begun: Begun, call: Call) -> bytes | None:
    """Wait for a section that another call has begun; None if that call failed or was given up."""
    timeout = None if call.deadline is None else max(0.0, call.deadline - time.monotonic())
    done, _ = await asyncio.wait({begun.future}, timeout=timeout)
    if not done:
        raise DeadlineUnreachableError("the deadline passed before the work was done")
    return begun.future.result()
