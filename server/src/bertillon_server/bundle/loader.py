"""Opens a bundle, or says in one sentence why it cannot be served."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bertillon_server.bundle.manifest import (
    MANIFEST_FILE,
    REQUIRED_FILES,
    FileEntry,
    Manifest,
    ManifestError,
    parse_manifest,
)

# Manifests are a few kilobytes; anything this large is something else.
_MANIFEST_LIMIT_BYTES = 1 << 20
# Hexadecimal digits of the manifest's digest that tell two builds of one version apart.
_DIGEST_LENGTH = 8


class BundleError(Exception):
    """The bundle is missing, incomplete or not intact; the message is one sentence for an operator."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was complete and intact when it was opened; `digest` is the sha256 of its manifest."""

    directory: Path
    manifest: Manifest
    digest: str
    _paths: dict[str, Path] = field(repr=False)

    @property
    def label(self) -> str:
        """Name, version and the beginning of the digest: what replies and logs state as the model."""
        return f"{self.manifest.name}/{self.manifest.version}+{self.digest[:_DIGEST_LENGTH]}"

    def path(self, name: str) -> Path:
        """Return where a file that the manifest lists lies."""
        if name not in self._paths:
            raise BundleError(f"the bundle {self.directory} has no {name}")
        return self._paths[name]


def load_bundle(directory: Path) -> Bundle:
    """Open a bundle, reading every file once to prove it; a `BundleError` says what is wrong."""
    try:
        content = _read_manifest(directory)
        manifest = parse_manifest(content)
        paths = {entry.path: _proved(directory, entry) for entry in manifest.files}
    except ManifestError as error:
        raise BundleError(f"the manifest of the bundle {directory} cannot be used: {error}") from None
    except OSError as error:
        raise BundleError(
            f"the bundle {directory} cannot be read: {error.strerror or 'input/output error'}"
        ) from None
    missing = [name for name in REQUIRED_FILES if name not in paths]
    if missing:
        raise BundleError(f"the manifest of the bundle {directory} does not list {', '.join(missing)}")
    return Bundle(directory, manifest, hashlib.sha256(content).hexdigest(), paths)


def _read_manifest(directory: Path) -> bytes:
    file = directory / MANIFEST_FILE
    if not directory.is_dir():
        raise BundleError(f"there is no bundle at {directory}")
    if not file.is_file():
        raise BundleError(f"the bundle {directory} has no {MANIFEST_FILE}")
    if file.stat().st_size > _MANIFEST_LIMIT_BYTES:
        raise BundleError(
            f"the manifest of the bundle {directory} is larger than {_MANIFEST_LIMIT_BYTES} bytes"
        )
    return file.read_bytes()


def _proved(directory: Path, entry: FileEntry) -> Path:
    path = _inside(directory, entry.path)
    if not path.is_file():
        raise BundleError(f"the bundle {directory} is incomplete: {entry.path} is missing")
    size = path.stat().st_size
    if size != entry.size:
        raise BundleError(
            f"the bundle {directory} is not intact: {entry.path} has {size} bytes instead of {entry.size}"
        )
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != entry.sha256:
        raise BundleError(
            f"the bundle {directory} is not intact: {entry.path} does not have the recorded sha256"
        )
    return path


def _inside(directory: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    plain = name == str(pure) and not pure.is_absolute() and ".." not in pure.parts and "\\" not in name
    path = directory / name
    # A link may lead elsewhere within the bundle, as mounted volumes do, and nowhere else.
    if not plain or "\0" in name or not path.resolve().is_relative_to(directory.resolve()):
        raise BundleError(f"the manifest of the bundle {directory} names a file outside of it")
    return path
