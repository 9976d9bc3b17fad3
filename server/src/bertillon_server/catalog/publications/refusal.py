"""Why a file is refused: its name, the line, and the rule that the line breaks."""

from __future__ import annotations

from bertillon_server.catalog.codes import CatalogError


class RefusedFileError(CatalogError):
    """A file cannot be imported; the message names the file, the line and the rule, and never quotes the line."""

    def __init__(self, name: str, line: int | None, reason: str) -> None:
        where = name if line is None else f"{name}, line {line}"
        super().__init__(f"{where}: {reason}")
        self.name = name
        self.line = line
        self.reason = reason
