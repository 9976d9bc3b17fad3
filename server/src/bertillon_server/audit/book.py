"""What the rules ask of a release of the code set, and of the flags on its codes."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Protocol

from bertillon_server.audit.values import Flags
from bertillon_server.catalog.codes import Excludes1Rule, NoteKind, SequencingNote
from bertillon_server.catalog.flags import ComplicationLevel, Edit
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.results import CodeRef
from bertillon_server.coding.words import words_of

# Of so many titles one is counted for how rare words are: all of them say no more, and take as much longer.
_EVERY = 4


class FlagSource(Protocol):
    """Flags on codes, where they have been imported."""

    def flags(self, system: str, version: str, code: str) -> Flags | None:
        """Return the flags of a code as published; None where none are known."""
        ...


class NoFlags:
    """No flags were imported: the rules that rest on them say nothing."""

    def flags(self, system: str, version: str, code: str) -> Flags | None:  # noqa: ARG002 - as in FlagSource
        """Return None."""
        return None


class CatalogFlags:
    """The flags that were imported into the catalog (`bertillon-server catalog import-flags`)."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def flags(self, system: str, version: str, code: str) -> Flags | None:
        """Return the flags of a code; None where no list says anything of codes."""
        found = self._catalog.flags(system, version, code)
        if found is None or not found.sources:
            return None
        return Flags(
            hcc=(*(f"V24:{n}" for n in found.hcc_v24), *(f"V28:{n}" for n in found.hcc_v28)),
            cc=found.complication is ComplicationLevel.CC,
            mcc=found.complication is ComplicationLevel.MCC,
            poa_exempt=found.poa_exempt,
            unacceptable_principal=Edit.UNACCEPTABLE_PRINCIPAL in found.edits,
            ages=found.age_years,
        )


class CodeBook:
    """One release of a code system, as the rules read it."""

    def __init__(self, catalog: Catalog, system: str, version: str, flags: FlagSource | None = None) -> None:
        self._catalog = catalog
        self._flags = flags or NoFlags()
        self.system = system
        self.version = version
        self.table = catalog.code_table(system, version)
        # Where the release keeps valid codes of others is asked only for a code that it has not.
        self._others = [release.version for release in catalog.releases(system) if release.version != version]

    def ref(self, code: str) -> CodeRef | None:
        """Return a code as published; None where the release has none such, or it is a block or chapter."""
        position = self.table.find(code)
        if position is None:
            return None
        published = self.table.codes[position]
        try:
            self.table.category(published)
        except KeyError:
            return None
        return CodeRef(self.system, published, self.version, self.table.titles[position])

    def refs(self, codes: Iterable[str]) -> tuple[CodeRef, ...]:
        """Return those of the codes that the release has."""
        return tuple(ref for code in codes if (ref := self.ref(code)) is not None)

    def is_billable(self, code: str) -> bool:
        """Whether a code may be reported as it is."""
        return self.table.is_billable(code)

    def was_valid(self, code: str) -> str | None:
        """Return another release in which a code may be reported; None where none of those loaded has it."""
        others = (version for version in self._others)
        return next(
            (other for other in others if self._catalog.code_table(self.system, other).is_billable(code)),
            None,
        )

    def lapsed(self, code: str, date: dt.date) -> str | None:
        """Return the release of a date in which a code may not be reported then.

        None where it may be, or no release that is loaded covers the date.
        """
        choice = self._catalog.release_for(self.system, date)
        if not choice.exact:
            return None
        version = choice.release.version
        entry = self._catalog.get(self.system, version, code)
        if entry is None or not entry.billable:
            return version
        return None if entry.period is None or entry.period.overlaps(date, date) else version

    def excludes1(self, one: str, other: str) -> Excludes1Rule | None:
        """Return why two codes are not reported together."""
        return self._catalog.excludes1(self.system, self.version, one, other)

    def code_first(self, code: str) -> tuple[SequencingNote, ...]:
        """Return the "code first" notes that apply to a code, nearest first."""
        return self._catalog.code_first(self.system, self.version, code)

    def use_additional(self, code: str) -> tuple[SequencingNote, ...]:
        """Return the "use additional code" notes that apply to a code, nearest first."""
        return self._catalog.use_additional(self.system, self.version, code)

    def terms(self, code: str) -> tuple[str, ...]:
        """Return the inclusion terms of a code."""
        notes = self._catalog.notes(self.system, self.version, code)
        return tuple(note.text for note in notes if note.kind is NoteKind.INCLUSION_TERM)

    def flags(self, code: str) -> Flags | None:
        """Return the flags of a code; None where none are known."""
        return self._flags.flags(self.system, self.version, code)

    def rarity(self, form: str) -> float:
        """Return how rare a canonical form is in the titles of the release: the logarithm of one in how many."""
        titles, counts = self._counts
        return math.log(titles / (1 + counts.get(form, 0)))

    @cached_property
    def _counts(self) -> tuple[int, dict[str, int]]:
        titles = self.table.titles[::_EVERY]
        written = Counter(word for title in titles for word in set(title.lower().split()))
        counts: Counter[str] = Counter()
        for word, count in written.items():
            for form in set(words_of(word).forms):
                counts[form] += count
        return len(titles) + 1, dict(counts)
