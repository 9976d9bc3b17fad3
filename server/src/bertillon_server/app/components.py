"""The one place where the parts below the API are made and put together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bertillon_server.api.ports import NoteCoder
from bertillon_server.bundle.manifest import Canary
from bertillon_server.catalog.store import Catalog
from bertillon_server.inference.scheduler import Scheduler, SchedulerStats

# When the components stop, no call is left that could have work in the scheduler.
_SCHEDULER_GRACE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Components:
    """What exists once per process below the API. `model` is what replies state as the model."""

    catalog: Catalog
    coder: NoteCoder
    scheduler: Scheduler
    executor: ThreadPoolExecutor
    model: str
    canary: Canary

    def stats(self) -> SchedulerStats:
        """Return where the scheduler stands."""
        return self.scheduler.stats()

    async def start(self) -> None:
        """Start the scheduler and have the encoder seen every shape it will be given."""
        await self.scheduler.start()
        await self.scheduler.warm_up()

    async def stop(self) -> None:
        """End the scheduler, then the threads, then the catalog that they read."""
        await self.scheduler.stop(_SCHEDULER_GRACE_S)
        await asyncio.to_thread(self.executor.shutdown, cancel_futures=True)
        self.catalog.close()
