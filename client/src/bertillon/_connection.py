"""How the client reaches the server: target, security, limits, deadlines and retries."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc

__version__ = importlib.metadata.version("bertillon")

DEFAULT_TARGET = "127.0.0.1:50051"

MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""What a gRPC server accepts by default; a note of 200,000 code points is at most 0.8 MB of UTF-8."""

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Replies echo the sentence around every mention, so that they can outgrow the note many times."""

KEEPALIVE_S = 300.0
"""The shortest interval between pings that a gRPC server accepts unless it is told otherwise; one that is
pinged faster hangs up."""

_CODING = "bertillon.coding.v1.CodingService"
_CATALOG = "bertillon.coding.v1.CatalogService"


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS towards the server. Without `root` the roots that grpc ships are trusted.

    `certificate` and `key` (PEM files) prove who the caller is, where the server asks for it.
    `server_name` is expected in the server's certificate in place of the target's host name.
    """

    root: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files. Raises OSError for one that cannot be read, ValueError for half a pair."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client certificate and its key belong together: give both or none")
        return grpc.ssl_channel_credentials(
            root_certificates=self.root.read_bytes() if self.root else None,
            private_key=self.key.read_bytes() if self.key else None,
            certificate_chain=self.certificate.read_bytes() if self.certificate else None,
        )


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadline of each method in seconds, where a call gives none of its own; None waits for ever.

    `code_notes` bounds a whole bulk run, retries included, so it has none by default.
    """

    code_note: float | None = 60.0
    code_section: float | None = 10.0
    audit_note: float | None = 60.0
    code_notes: float | None = None
    get_code: float | None = 5.0
    search_codes: float | None = 10.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how soon a call is tried again; every method of the contract may safely be repeated.

    `attempts` counts the first one; grpc itself tries no more than 5 times. Backoffs are in seconds, grow by
    `multiplier` and are varied at random. A server that says when to come back is obeyed instead.
    `reopenings` is how often in a row `code_notes` opens a broken stream again without any answer between:
    with the backoffs here that rides out about half a minute, enough for a server to be replaced.
    """

    attempts: int = 4
    initial_backoff: float = 0.1
    max_backoff: float = 5.0
    multiplier: float = 2.0
    reopenings: int = 10

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, not yet varied."""
        return min(self.max_backoff, self.initial_backoff * self.multiplier ** (failures - 1))


DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_RETRIES = Retries()


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything about the way to the server."""

    target: str = DEFAULT_TARGET
    tls: Tls | None = None
    token: str | Callable[[], str] | None = field(default=None, repr=False)
    token_without_tls: bool = False
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    retries: Retries = DEFAULT_RETRIES
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_reply_bytes: int = MAX_REPLY_BYTES
    keepalive: float = KEEPALIVE_S

    def __post_init__(self) -> None:
        protected = self.tls is not None or self.token_without_tls or _is_local(self.target)
        if self.token is not None and not protected:
            raise ValueError(
                "a token must not travel in the clear: give tls, or token_without_tls=True where a proxy "
                "beside this program encrypts"
            )

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what each call carries; a token that is a function is asked each time."""
        if self.token is None:
            return ()
        token = self.token if isinstance(self.token, str) else self.token()
        return (("authorization", f"Bearer {token}"),)

    def arguments(self) -> list[tuple[str, str | int]]:
        """Return the arguments of a grpc channel."""
        arguments: list[tuple[str, str | int]] = [
            ("grpc.primary_user_agent", f"bertillon/{__version__}"),
            ("grpc.max_send_message_length", self.max_request_bytes),
            ("grpc.max_receive_message_length", self.max_reply_bytes),
            ("grpc.keepalive_time_ms", int(self.keepalive * 1000)),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.service_config", json.dumps(self.service_config())),
            # A call can be retried only while its request is still held; the default of 256 KiB is less
            # than a long note.
            ("grpc.per_rpc_retry_buffer_size", self.max_request_bytes),
        ]
        if self.tls is not None and self.tls.server_name:
            arguments.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return arguments

    def service_config(self) -> dict[str, object]:
        """Return the gRPC service config: retries for every method but CodeNotes, which has its own."""
        methods = [
            {"service": _CODING, "method": "CodeNote"},
            {"service": _CODING, "method": "CodeSection"},
            {"service": _CODING, "method": "AuditNote"},
            {"service": _CATALOG},
        ]
        config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
        if self.retries.attempts > 1:
            policy = {
                "maxAttempts": min(self.retries.attempts, 5),
                "initialBackoff": f"{self.retries.initial_backoff:.3f}s",
                "maxBackoff": f"{self.retries.max_backoff:.3f}s",
                "backoffMultiplier": self.retries.multiplier,
                # A server that stops drops calls that no handler has yet begun with CANCELLED (grpc issue 41785).
                # Calls that their own caller cancels have ended for gRPC and are not tried again.
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
            }
            config["methodConfig"] = [{"name": methods, "retryPolicy": policy}]
        return config

    def open(self) -> grpc.Channel:
        """Open a channel for threads; connecting begins with the first call."""
        if self.tls is None:
            return grpc.insecure_channel(self.target, self.arguments())
        return grpc.secure_channel(self.target, self.tls.credentials(), self.arguments())

    def open_async(self) -> grpc.aio.Channel:
        """Open a channel for the running event loop; connecting begins with the first call."""
        if self.tls is None:
            return grpc.aio.insecure_channel(self.target, self.arguments())
        return grpc.aio.secure_channel(self.target, self.tls.credentials(), self.arguments())


def _is_local(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    host = target.removeprefix("dns:///").rpartition(":")[0].strip("[]") or target
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def iso_date(date: dt.date | str) -> str:
    """Return a date as the contract writes it."""
    return date if isinstance(date, str) else date.strftime("%Y-%m-%d")
