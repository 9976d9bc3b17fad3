"""The program of a process that codes sections for a server: `PROGRAM`, with the number of its socket.

It loads the bundle and the releases, says so, and answers jobs one after another until its socket is closed. It logs
nothing: the server counts what it does, and what fails is told by the type of the error alone.
"""

from __future__ import annotations

import gc
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bertillon_server.app.coders import make_coder
from bertillon_server.app.garbage import keep_large_apart, return_freed
from bertillon_server.bundle.loader import Bundle, load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.catalog.folder import CatalogFolder
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.knowledge import load_learned
from bertillon_server.coding.process_messages import read_message, write_message
from bertillon_server.coding.section_jobs import Identity, Jobs, Ready, code_jobs
from bertillon_server.inference.batching import Batcher
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.threads import STEPS_BACK

PROGRAM = f"__import__('{__name__}', fromlist=['main']).main()"
"""What Python is told to run: as a script, this module would have other classes than the server sends."""

# New containers before the young are collected; what is loaded is frozen, and jobs leave almost no cycles.
_YOUNG = 10_000
# Messages of jobs, of one to four notes each, after which what was freed is returned to the system.
_RETURN_EVERY = 32
_STANDARD_ERROR = 2


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What a process needs to know: bundle, code system, where releases are imported to, the tokens of a batch."""

    bundle: Path
    system: str
    catalog_dir: Path
    batch_tokens: int


def identity_of(bundle: Bundle, catalog: Catalog, system: str) -> Identity:
    """Return what tells two loads of the same bundle and releases from loads of others."""
    releases = sorted(release.version for release in catalog.releases(system))
    return (bundle.label, *((one, catalog.identity(system, one)) for one in releases))


def main() -> None:
    """Answer jobs until the server is gone."""
    # These are the server's, which lets its processes finish what they have.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(STEPS_BACK)
    with socket.socket(fileno=int(sys.argv[1])) as connected, connected.makefile("rb") as told:
        gc.disable()
        keep_large_apart()
        with suppress(EOFError, ConnectionError):
            settings = read_message(told.read)
            if isinstance(settings, ProcessSettings):
                _serve(settings, connected, told.read)


def _keep_quiet() -> None:
    """Say no more than its type of what ends this process: a message may quote a note.

    Native libraries write theirs to the standard error by themselves, so that goes nowhere from now on.
    """
    # Where there is none, nothing can be told.
    with suppress(OSError), Path(os.devnull).open("w") as nowhere:
        told = os.fdopen(os.dup(_STANDARD_ERROR), "w")
        os.dup2(nowhere.fileno(), _STANDARD_ERROR)

        def tell(kind: type[BaseException], _: BaseException, __: TracebackType | None) -> None:
            print(f"a coding process ended: {kind.__name__}", file=told, flush=True)

        sys.excepthook = tell


def _serve(settings: ProcessSettings, connected: socket.socket, read: Callable[[int], bytes]) -> None:
    bundle = load_bundle(settings.bundle)
    learned = load_learned(bundle)
    with Catalog.open(imported=CatalogFolder(settings.catalog_dir)) as catalog:
        coders = {
            release.version: make_coder(bundle, catalog, settings.system, release.version, learned)
            for release in catalog.releases(settings.system)
        }
        encoder = Encoder(bundle.path(ENCODER_FILE))
        batcher = Batcher(workers=1, batch_tokens=settings.batch_tokens)
        encoder.warm_up((8, 32))
        gc.enable()
        gc.set_threshold(_YOUNG, 1_000, 1_000)
        gc.collect()
        gc.freeze()
        return_freed()
        _keep_quiet()
        connected.sendall(write_message(Ready(identity_of(bundle, catalog, settings.system))))
        for number in itertools.count(1):
            told = read_message(read)
            if not isinstance(told, Jobs):
                raise TypeError("no jobs")
            for answer in code_jobs(told.jobs, coders, encoder.encode, batcher):
                connected.sendall(write_message(answer))
            if number % _RETURN_EVERY == 0:
                return_freed()
