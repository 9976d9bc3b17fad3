"""The manifest of a model bundle: what it consists of, where that comes from, and how good it is.

A bundle is the directory `<name>/<version>/` with this manifest and the files it lists. Data only: nothing in
a bundle is ever unpickled or executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pydantic import ConfigDict, TypeAdapter, ValidationError

MANIFEST_FILE = "manifest.json"

# Files that every bundle has; a bundle may list more.
ENCODER_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
VECTORS_FILE = "vectors.npy"
SCALES_FILE = "vector_scales.npy"
SEARCH_FILE = "search.onnx"
SEARCH_AXES_FILE = "search_axes.npy"
REQUIRED_FILES = (
    ENCODER_FILE,
    TOKENIZER_FILE,
    VECTORS_FILE,
    SCALES_FILE,
    SEARCH_FILE,
    SEARCH_AXES_FILE,
)

# Raised when a server that reads the old form could no longer serve the new one.
SCHEMA_VERSION = 3

Value = str | int | float | bool
_CONFIG = ConfigDict(extra="forbid", strict=True)


class ManifestError(Exception):
    """The manifest cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the bundle; `path` is relative to it, `size` in bytes, `sha256` in hexadecimal."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """Something the bundle was made from: its licence (SPDX), where it is published, its sha256 if a file."""

    name: str
    version: str
    licence: str
    origin: str
    used_for: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class CodeSet:
    """The release of a code system that the bundle's concepts are from."""

    system: str
    release: str


@dataclass(frozen=True, slots=True)
class Canary:
    """A text of our own writing and the codes it must be given before the bundle may serve."""

    text: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is recorded of a bundle; `recipe` is how it was made, `metrics` what it was measured at."""

    schema_version: int
    name: str
    version: str
    licence: str
    files: tuple[FileEntry, ...]
    sources: tuple[SourceEntry, ...]
    code_sets: tuple[CodeSet, ...]
    canary: Canary
    recipe: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)

    __pydantic_config__ = _CONFIG

    def to_json(self) -> str:
        """Return the manifest as indented JSON that ends in a line break."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def parse_manifest(text: str | bytes) -> Manifest:
    """Read a manifest; a `ManifestError` says in one sentence what is wrong with it."""
    _check_schema_version(text)
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ManifestError(f"{where}: {first['msg']}") from None


def _check_schema_version(text: str | bytes) -> None:
    # First, because the other fields of another schema would only be reported as unknown.
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, TypeError, KeyError):
        raise ManifestError("it is not a JSON object with a schema_version") from None
    if version != SCHEMA_VERSION:
        raise ManifestError(f"its schema version is {version!r} and this release reads {SCHEMA_VERSION}")


_ADAPTER = TypeAdapter(Manifest)
