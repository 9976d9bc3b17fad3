"""A plain FastAPI handler around the job: `uvicorn benchmarks.peers.servers.fastapi_app:app`.

Notes are coded in the pool of threads that FastAPI has for such work, so that the event loop stays free; no more of
them at a time than the process has cores for.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from benchmarks.peers.servers.note_job import NoteJob

CORES = max(1, int(os.environ["PEER_CORES"]) // int(os.environ["PEER_PROCESSES"]))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.job = NoteJob.from_environment()
    anyio.to_thread.current_default_thread_limiter().total_tokens = CORES
    yield


app = FastAPI(lifespan=_lifespan)


@app.get("/health")
def health() -> str:
    """Say that the process serves."""
    return "ok"


@app.post("/code")
async def code(request: Request) -> Response:
    """Code the note that is the body."""
    text = (await request.body()).decode()
    [coded] = await run_in_threadpool(request.app.state.job.code, [text])
    return Response(coded, media_type="application/json")
