"""A plain FastAPI handler around the job: `uvicorn benchmarks.peers.servers.fastapi_app:app`.

The handler is a plain function, so that FastAPI runs it in its pool of threads and the event loop stays free.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from benchmarks.peers.servers.note_job import NoteJob


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.job = NoteJob.from_environment()
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
