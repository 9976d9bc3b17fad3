"""Bearer tokens: who may call at all."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

import grpc

from bertillon_server.api.context import Context, request_id_of
from bertillon_server.api.errors import UnauthenticatedError, failure_of
from bertillon_server.api.interceptor import OWN_METHODS, Continuation, Handler

# Balancers probe health and carry no tokens.
_OPEN_TO_ALL: Final = "/grpc.health.v1.Health/"

_SCHEME: Final = "bearer "


class BearerAuth(grpc.aio.ServerInterceptor):
    """Refuses calls without one of the tokens, before a message of theirs is read. Health stays open."""

    def __init__(self, tokens: Collection[str]) -> None:
        # Hashes have one length, so that comparing takes one time whatever is compared.
        self._digests = tuple(_digest(token) for token in tokens)

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Let a call with a valid token through; answer any other with UNAUTHENTICATED."""
        method = handler_call_details.method
        if method.startswith(_OPEN_TO_ALL) or self._admits(handler_call_details.invocation_metadata):
            return await continuation(handler_call_details)
        refuse: Any = _Refusal if method.startswith(OWN_METHODS) else _refuse
        return grpc.stream_stream_rpc_method_handler(refuse)

    def _admits(self, metadata: Any) -> bool:  # noqa: ANN401 - tuples, typed differently by version
        for key, value in metadata or ():
            if key == "authorization" and isinstance(value, str) and value.lower().startswith(_SCHEME):
                digest = _digest(value[len(_SCHEME) :].strip())
                return any(hmac.compare_digest(digest, known) for known in self._digests)
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class _Refusal(AsyncIterator[bytes]):
    """The answers to a method of the service's own, whose errors `CallInterceptor` maps: none."""

    def __init__(self, requests: object, context: Context) -> None:
        del requests, context  # unread

    async def __anext__(self) -> bytes:
        raise UnauthenticatedError


async def _refuse(_: object, context: Context) -> None:
    """Refuse a method of gRPC's own services."""
    failure = failure_of(UnauthenticatedError(), request_id_of(context))
    await context.abort(failure.code, failure.message, failure.trailing_metadata())
