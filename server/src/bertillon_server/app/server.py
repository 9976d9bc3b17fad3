"""Wiring and life cycle: what exists once per process, and in which order it comes and goes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

import grpc
import prometheus_client
import structlog
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_health.v1.health import aio as health  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection

from bertillon.coding.v1 import catalog_service_pb2, coding_service_pb2
from bertillon.coding.v1.catalog_service_pb2_grpc import add_CatalogServiceServicer_to_server
from bertillon.coding.v1.coding_service_pb2_grpc import add_CodingServiceServicer_to_server
from bertillon_server.api.auth import BearerAuth
from bertillon_server.api.catalog_service import CatalogService
from bertillon_server.api.coding_service import CodingService
from bertillon_server.api.interceptor import CallInterceptor
from bertillon_server.api.limits import Limits
from bertillon_server.api.validation import RequestValidator
from bertillon_server.app.components import Components
from bertillon_server.app.logs import CallLog
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.security import bearer_tokens, server_credentials
from bertillon_server.app.settings import Settings, split_address
from bertillon_server.app.startup import StartupError

CODING: Final = coding_service_pb2.DESCRIPTOR.services_by_name["CodingService"].full_name
CATALOG: Final = catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name

# Services whose health can be asked for; the empty name stands for the whole server.
_HEALTH_OF: Final = ("", CODING, CATALOG)

# A watcher of health that does not read may hold its service's lock; stopping does not wait longer for it.
_HEALTH_S: Final = 1.0
# Calls that wait in gRPC for a handler are refused with UNAVAILABLE until none has begun in so many looks, so far
# apart; gRPC drops what it still holds when it stops, with CANCELLED (grpc issue 41785). Several looks, because a
# loop that is held up wakes late from a single one, and calls that came meanwhile have not yet begun.
_LOOKS: Final = 5
_LOOK_S: Final = 0.02
_LONGEST_TURNING_AWAY_S: Final = 2.0
# After the last handler has ended, the time for its answer to be on its way.
_FLUSH_S: Final = 1.0
# After calls were cancelled, the time for their handlers to unwind.
_UNWIND_S: Final = 2.0

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """A server: `bind`, `start` with its components, then `stop`. Belongs to one event loop.

    `start` is `load`, then `serve`; one of several processes loads first, and binds and serves when told to.
    """

    def __init__(self, settings: Settings, metrics: Metrics, *, shares_address: bool = False) -> None:
        self._settings = settings
        self._metrics = metrics
        self._limits = Limits(
            note_code_points=settings.max_note_code_points,
            section_code_points=settings.max_section_code_points,
            bulk_notes_in_flight=settings.bulk_notes_in_flight,
            audit_codes=settings.max_audit_codes,
            concurrent_rpcs=settings.max_concurrent_rpcs,
            stall_s=settings.stall_timeout_s,
        )
        self._draining = asyncio.Event()
        self._calls = CallInterceptor(self._limits, self._draining, [metrics, CallLog()])
        self._cut = asyncio.Event()
        self._health = health.HealthServicer()
        self._components: Components | None = None
        self._scraped: WSGIServer | None = None
        self._serving = False
        self._began = 0.0
        self._log = structlog.get_logger("bertillon.server")
        tokens = bearer_tokens(settings)
        interceptors: list[grpc.aio.ServerInterceptor] = [self._calls]
        if tokens:
            interceptors.append(BearerAuth(tokens))
        self._grpc = grpc.aio.server(
            interceptors=interceptors, options=channel_options(settings, shares_address=shares_address)
        )

    @property
    def in_flight(self) -> int:
        """Calls of the service's own methods begun and not ended."""
        return self._calls.in_flight

    async def bind(self, *more: str) -> int:
        """Take the ports and return that of the service; raises `StartupError` when one is taken.

        `more` are addresses to answer on beside that of the settings.
        """
        for service in _HEALTH_OF:
            await self._health.set(service, _NOT_SERVING)
        port = self._listen(self._settings.address)
        for address in more:
            self._listen(address)
        self._serve_metrics()
        return port

    async def start(self, components: Components) -> None:
        """Start the components, warm them up and serve; from then on health is SERVING."""
        await self.load(components)
        await self.serve()

    async def load(self, components: Components) -> None:
        """Start the components and warm them up; raises `StartupError` when the bundle does not do as it should."""
        self._began = time.monotonic()
        self._components = components
        await components.start()
        self._metrics.describe(version("bertillon-server"), components.model)
        self._metrics.watch_queue(components.stats)
        if components.cache is not None:
            self._metrics.watch_cache(components.cache)
        if components.processes is not None:
            self._metrics.watch_processes(components.processes)
        self._metrics.watch_tasks(asyncio.get_running_loop())
        self._add_services(components)

    async def serve(self) -> None:
        """Serve what is loaded on the ports that are bound; from then on health is SERVING."""
        if self._components is None:
            raise RuntimeError("load the components first")
        await self._grpc.start()
        self._serving = True
        for service in _HEALTH_OF:
            await self._health.set(service, _SERVING)
        self._log.info(
            "serving",
            model=self._components.model,
            start_ms=round((time.monotonic() - self._began) * 1000),
            metrics_port=None if self._scraped is None else self._scraped.server_port,
        )

    async def reload(self) -> bool:
        """Take up what has changed in the catalog directory; returns whether it could be."""
        reloader = None if self._components is None else self._components.reloader
        return reloader is not None and await reloader.reload()

    async def stop(self) -> None:
        """Report NOT_SERVING, let balancers notice, finish what was admitted within the grace, and end."""
        served, self._serving = self._serving, False
        if served:
            self._log.info("stopping", in_flight=self.in_flight)
            await self._report_not_serving()
            await self._settle()
        self._draining.set()
        if served:
            await self._turn_away()
        await self._finish_calls()
        if self._components is not None:
            await self._components.stop()
            self._components = None
        if self._scraped is not None:
            await asyncio.to_thread(self._scraped.shutdown)
            self._scraped.server_close()
            self._scraped = None
        if served:
            self._log.info("stopped", in_flight=self.in_flight)

    async def cut(self) -> None:
        """End the grace of a `stop` under way: calls in progress are cancelled."""
        self._cut.set()
        await self._grpc.stop(None)

    async def _turn_away(self) -> None:
        """Answer calls that have reached the machine and not yet a handler: stopping gRPC would drop them."""
        latest = time.monotonic() + _LONGEST_TURNING_AWAY_S
        begun, quiet = self._calls.begun, 0
        while quiet < _LOOKS and time.monotonic() < latest and not self._cut.is_set():
            await asyncio.sleep(_LOOK_S)
            quiet = quiet + 1 if self._calls.begun == begun else 0
            begun = self._calls.begun

    async def _finish_calls(self) -> None:
        """Refuse new calls, and return when those in progress have ended or the grace is over.

        Calls of gRPC's own services, such as watching health, have no end: those waited for are the service's.
        """
        ending = asyncio.create_task(self._grpc.stop(self._settings.grace_s))
        while not ending.done():
            idle = asyncio.create_task(self._calls.wait_idle())
            await asyncio.wait({ending, idle}, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
            # The last answers are on their way, or calls that had just arrived begin.
            await asyncio.wait({ending}, timeout=_FLUSH_S)
            if self.in_flight == 0:
                await self._grpc.stop(None)
        await ending
        with suppress(TimeoutError):
            await asyncio.wait_for(self._calls.wait_idle(), _UNWIND_S)

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._cut.wait(), self._settings.settle_s)

    async def _report_not_serving(self) -> None:
        setting = [asyncio.create_task(self._health.set(name, _NOT_SERVING)) for name in _HEALTH_OF]
        _, late = await asyncio.wait(setting, timeout=_HEALTH_S)
        for task in late:
            task.cancel()

    def _listen(self, address: str) -> int:
        credentials = server_credentials(self._settings)
        try:
            if credentials is None:
                port = self._grpc.add_insecure_port(address)
            else:
                port = self._grpc.add_secure_port(address, credentials)
        except RuntimeError:
            port = 0
        if port == 0:
            raise StartupError(
                f"cannot listen on {address}: the port is taken, the address is not this machine's, "
                "or the certificate and key do not fit"
            )
        return port

    def _serve_metrics(self) -> None:
        if not self._settings.metrics_address:
            return
        host, port = split_address(self._settings.metrics_address)
        try:
            self._scraped, _ = prometheus_client.start_http_server(
                port, addr=host, registry=self._metrics.registry
            )
        except OSError as error:
            reason = error.strerror or "the address cannot be used"
            raise StartupError(
                f"cannot serve metrics on {self._settings.metrics_address}: {reason}"
            ) from None

    def _add_services(self, components: Components) -> None:
        def systems() -> tuple[str, ...]:
            """Return the code systems that are loaded at the time."""
            return components.catalog.value.systems()

        coding = CodingService(
            coder=components.coder,
            auditor=components.auditor,
            validator=RequestValidator(self._limits, systems),
            limits=self._limits,
            draining=self._draining,
            bugs=self._calls,
        )
        catalog = CatalogService(
            catalog=components.catalog, coder=components.coder, executor=components.executor
        )
        add_CodingServiceServicer_to_server(coding, self._grpc)
        add_CatalogServiceServicer_to_server(catalog, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [CODING, CATALOG, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
        if self._settings.channelz:
            channelz.add_channelz_servicer(self._grpc)
        if self._settings.reflection:
            reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self._grpc)


def channel_options(settings: Settings, *, shares_address: bool = False) -> list[tuple[str, Any]]:
    """Return the options of gRPC that follow from the settings; several processes may share their address."""
    return [
        ("grpc.so_reuseport", int(shares_address)),
        ("grpc.max_receive_message_length", settings.message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", settings.max_concurrent_streams),
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", settings.max_metadata_bytes),
        ("grpc.keepalive_time_ms", round(settings.keepalive_time_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", round(settings.min_ping_interval_s * 1000)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.enable_channelz", int(settings.channelz)),
    ]
