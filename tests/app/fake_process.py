"""A real server process around a fake coder: `python fake_process.py FOLDER FLAGS...`.

The coder waits until the file `FOLDER/open` exists. Worker processes import this module as well, with the folder in
the environment; the one whose number `FOLDER/broken` holds does not start. While `FOLDER/slow` is there none gets
further than to say that it loads (`FOLDER/loading-PID`). One that takes up the catalog says so too (`reloaded-PID`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bertillon_server.app import cli
from bertillon_server.app import serve as process
from bertillon_server.app.components import Components
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.reloading import Reloader
from bertillon_server.app.settings import Settings
from bertillon_server.app.startup import StartupError
from bertillon_server.bundle.manifest import Canary
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.current import Current
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.results import Event, NoteInput
from bertillon_server.inference.call import Call
from bertillon_server.inference.scheduler import Scheduler
from serving import FakeCoder, UnitEncoder, auditing, small_catalog

_VARIABLE = "BERTILLON_FAKE_PROCESS"
if __name__ == "__main__":
    os.environ[_VARIABLE] = sys.argv.pop(1)
FOLDER = Path(os.environ[_VARIABLE])
BROKEN, SLOW = FOLDER / "broken", FOLDER / "slow"


class FileGatedCoder(FakeCoder):
    async def code_note(self, note: NoteInput, call: Call) -> AsyncIterator[Event]:
        async for event in super().code_note(note, call):
            yield event
            while "canary" not in note.text and not (FOLDER / "open").exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)


class SayingReloader(Reloader):
    def __init__(self) -> None:
        """Have nothing to take up."""

    async def reload(self) -> bool:
        (FOLDER / f"reloaded-{os.getpid()}").touch()
        return True


def fake_components(_: Settings, metrics: Metrics) -> Components:
    if BROKEN.exists() and multiprocessing.current_process().name.endswith(BROKEN.read_text()):
        raise StartupError("something is missing")
    (FOLDER / f"loading-{os.getpid()}").touch()
    while SLOW.exists():
        time.sleep(0.01)
    catalog, coder, pool = (
        Catalog.open(small_catalog(FOLDER / f"catalog-{os.getpid()}.sqlite")),
        FileGatedCoder(),
        StagePool(1),
    )
    return Components(
        catalog=Current(catalog),
        coder=coder,
        auditor=auditing(coder, catalog, pool),
        scheduler=Scheduler(UnitEncoder(), workers=1, observer=metrics),
        executor=ThreadPoolExecutor(1),
        pool=pool,
        model="fake/1",
        canary=Canary("canary cough", ("R05.9",)),
        reloader=SayingReloader(),
    )


process.build_components = fake_components  # type: ignore[assignment, attr-defined]
if __name__ == "__main__":
    cli.main()
