"""The catalog directory: what was imported, each release in a folder of its own.

    codes/<system>/<version>/   codes.sqlite, and its concept vectors with what says which encoder made them
    flags/<kind>/<version>/     flags.sqlite

A folder is made beside its place and takes its name in one step, so that a directory never shows a part of an import.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bertillon_server.catalog.codes import CatalogError

CODES_FILE = "codes.sqlite"
FLAGS_FILE = "flags.sqlite"

_CODES, _FLAGS = "codes", "flags"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")


class CatalogFolder:
    """A catalog directory; it need not exist before something is imported."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def codes(self) -> list[Path]:
        """Return the folders of all releases of codes, in order."""
        return self._complete(_CODES, CODES_FILE)

    def flags(self) -> list[Path]:
        """Return the folders of all sets of flags, in order."""
        return self._complete(_FLAGS, FLAGS_FILE)

    def codes_place(self, system: str, version: str) -> Path:
        """Return where a release of a system belongs."""
        return self._place(_CODES, system, version)

    def flags_place(self, kind: str, version: str) -> Path:
        """Return where a set of flags belongs."""
        return self._place(_FLAGS, kind, version)

    def _place(self, part: str, group: str, version: str) -> Path:
        for name in (group, version):
            if not _NAME.fullmatch(name):
                raise CatalogError(
                    "a name or version has at most 40 letters, digits, points, hyphens and underscores, "
                    "and begins with a letter or digit"
                )
        return self.path / part / group / version

    def _complete(self, part: str, file: str) -> list[Path]:
        try:
            found = sorted((self.path / part).glob(f"*/*/{file}"))
        except OSError as error:
            raise CatalogError(
                f"the catalog directory {self.path} cannot be read: {error.strerror}"
            ) from None
        return [path.parent for path in found if not path.parent.name.startswith(".")]


@contextmanager
def new_folder(place: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder to work in, which takes its place in one step if the block ends well, and else is removed.

    Raises CatalogError when the place is taken and `replace` is not given, and when it cannot be written.
    """
    if place.exists() and not replace:
        raise CatalogError(
            f"{place.parent.name} {place.name} is in the catalog already; give --replace to import it again"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    except OSError as error:
        raise CatalogError(
            f"the catalog directory cannot be written: {error.strerror} ({place.parent})"
        ) from None
    try:
        folder = workshop / "new"
        folder.mkdir(mode=0o755)
        yield folder
        _take_place(folder, place, workshop / "old")
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _take_place(folder: Path, place: Path, old: Path) -> None:
    try:
        if place.exists():
            place.rename(old)
        folder.rename(place)
    except OSError as error:
        if old.exists() and not place.exists():
            old.rename(place)
        raise CatalogError(f"the catalog directory cannot be written: {error.strerror} ({place})") from None
