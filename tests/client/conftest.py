"""A fake server on a free port, and both halves of the client behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from fake_bertillon import QUICK, FakeBertillon, MakeClient, start_server

from bertillon import AsyncBertillon, Bertillon


class Stepped:
    """The asynchronous client with the face of the synchronous one: its loop runs while a test waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **settings: Any) -> None:
        self._loop = loop
        self._client = loop.run_until_complete(self._open(settings))

    async def _open(self, settings: dict[str, Any]) -> AsyncBertillon:
        return AsyncBertillon(**settings)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            result: Any = method(*arguments, **options)
            if isinstance(result, AsyncGenerator):
                return self._steps(result)
            return self._loop.run_until_complete(result)

        return call

    def _steps(self, items: AsyncGenerator[Any, None]) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(items.aclose())


@pytest.fixture
def fake() -> FakeBertillon:
    return FakeBertillon()


@pytest.fixture
def target(fake: FakeBertillon) -> Iterator[str]:
    server, target = start_server(fake)
    yield target
    fake.gate.set()
    server.stop(None).wait()


@pytest.fixture(params=["async", "sync"])
def make_client(request: pytest.FixtureRequest, target: str) -> Iterator[MakeClient]:
    """Make clients of either half, for the fake server unless told otherwise; all are closed at the end."""
    clients: list[Any] = []
    loop = asyncio.new_event_loop() if request.param == "async" else None

    def make(**settings: Any) -> Any:
        settings = {"target": target, "retries": QUICK, **settings}
        client = Bertillon(**settings) if loop is None else Stepped(loop, **settings)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
    if loop is not None:
        loop.close()


@pytest.fixture
def client(make_client: MakeClient) -> Any:
    return make_client()
