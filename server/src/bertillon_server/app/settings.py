"""Settings of the server: defaults < configuration file (TOML) < environment `BERTILLON_*` < flags.

Each description says when to change the setting; the flags' help and the documentation are made from it.
Secrets come from files or the environment only, never from flags, which every user of a machine can see.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bertillon_server.app.startup import SettingsError
from bertillon_server.audit.registry import IDS

# UTF-8 takes up to 4 bytes a code point; the rest of a request is ids, options and pre-cut sections.
BYTES_PER_CODE_POINT: Final = 4
ENVELOPE_BYTES: Final = 64 * 1024


def usable_cores() -> int:
    """Return the cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_catalog_dir() -> Path:
    """Return where imported code systems lie: below XDG_DATA_HOME, which is `~/.local/share` unless it is set."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The specification says to ignore a relative path.
    if base and Path(base).is_absolute():
        return Path(base) / "bertillon" / "catalog"
    try:
        return Path.home() / ".local" / "share" / "bertillon" / "catalog"
    except RuntimeError:  # a user without a home directory, as in some containers
        return Path("/var/lib/bertillon/catalog")


class Settings(BaseSettings):
    """Everything an operator may set."""

    model_config = SettingsConfigDict(
        env_prefix="BERTILLON_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    address: str = Field(
        "127.0.0.1:50051",
        description="Host and port to serve on; port 0 takes a free one. Change it to serve other machines, "
        "with TLS, or when the port is taken.",
    )
    bundle: Path = Field(
        Path("models/current"),
        description="Directory of the model bundle. Change it when bundles live outside the working "
        "directory, or to pin a version.",
    )
    catalog_dir: Path = Field(
        default_factory=default_catalog_dir,
        description="Directory of the code systems that `catalog import` adds to the built-in ICD-10-CM; by "
        "default `bertillon/catalog` in the user's data directory. Change it when the server runs as another "
        "user than the import, or when several servers share what is imported.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Processes that serve the address together. One, with its coding processes, does for some "
        "sixteen cores; raise it for more of them, or so that a crash of one is outlived. Each takes the memory of a "
        "server of its own.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Inference threads of each process; by default the usable cores divided by `workers`. Lower it "
        "when the cores are shared with others; more than cores only adds latency.",
    )
    coding_processes: int | None = Field(
        None,
        ge=0,
        le=256,
        description="Processes beside each server process that code bulk and standard notes, so that all cores are "
        "used and interactive calls are not held up; by default as many as inference threads, none where that is "
        "one. They start with the first bulk note or the first that has company, and each grows to some 290 MB. Set "
        "it to 0 where memory is short: all is then coded in the server process.",
    )
    worker_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="First of as many ports as there are workers, on each of which one worker answers by itself. Set "
        "it for clients that balance calls over addresses: one connection goes to one process.",
    )
    metrics_address: str = Field(
        "127.0.0.1:9464",
        description="Host and port of the Prometheus metrics; empty turns them off. Change it to let another "
        "machine scrape, or when several servers share a machine.",
    )
    max_note_code_points: int = Field(
        200_000,
        ge=1,
        le=10_000_000,
        description="Longest note accepted, in code points. Raise it for whole charts in one note (memory "
        "and the wait of others grow with it); lower it to bound the work of one call.",
    )
    max_section_code_points: int = Field(
        20_000,
        ge=1,
        le=1_000_000,
        description="Longest text of CodeSection, in code points. Raise it when interactive callers send "
        "longer sections and can wait for them.",
    )
    max_message_bytes: int | None = Field(
        None,
        ge=1_024,
        le=2**31 - 1,
        description="Largest message accepted, in bytes; larger ones are refused before they are parsed. By "
        "default 4 bytes per code point of the longest note and 64 KiB. Raise it for notes with very many "
        "pre-cut sections.",
    )
    max_queued_tokens: int | None = Field(
        None,
        ge=1,
        description="Most tokens that may wait for the encoder before new work is refused. By default what "
        "the scheduler keeps. Lower it to refuse earlier and keep waits short; raise it to ride out bursts.",
    )
    max_batch_tokens: int | None = Field(
        None,
        ge=16,
        le=65_536,
        description="Most tokens, padding included, in one pass of the encoder. Change it only after "
        "measuring on the machine at hand.",
    )
    cache_bytes: int = Field(
        16 * 1024 * 1024,
        ge=0,
        description="Most bytes of results kept for sections that are copied forward from note to note; 0 keeps "
        "nothing. No text is kept. Raise it where notes of one patient come further apart than some 4,000 others; "
        "turn it off where callers must not learn from an answer's speed that a text has been coded before.",
    )
    max_concurrent_rpcs: int = Field(
        1_024,
        ge=1,
        description="Most calls in progress in the process; more are refused with retry advice. Lower it to "
        "bound memory when notes are long.",
    )
    max_concurrent_streams: int = Field(
        256,
        ge=1,
        description="Most calls in progress on one connection; a client waits before it opens more. Raise it "
        "behind a proxy that shares few connections among many callers.",
    )
    bulk_notes_in_flight: int = Field(
        8,
        ge=1,
        le=1_024,
        description="Notes of one CodeNotes stream in progress at a time. Raise it when a lone bulk client "
        "leaves cores idle; lower it to hold less text in memory.",
    )
    max_audit_codes: int = Field(
        200,
        ge=1,
        le=10_000,
        description="Most proposed codes of one AuditNote. Raise it for audits of long stays; the rules look at "
        "every pair of codes.",
    )
    audit_rules_off: str = Field(
        "",
        description="Ids of audit rules that run only when a request asks for them, separated by commas; "
        "`bertillon-server rules` lists them. Set it to silence advice that your coders do not want.",
    )
    stall_timeout_s: float = Field(
        60.0,
        gt=0,
        description="Seconds after which a client that accepts no message is dropped. Raise it for clients "
        "that pause between the events of a stream.",
    )
    max_metadata_bytes: int = Field(
        16 * 1024,
        ge=1_024,
        le=1024 * 1024,
        description="Largest metadata of a call, in bytes. Raise it when callers send long tokens.",
    )
    keepalive_time_s: float = Field(
        60.0,
        gt=0,
        description="Seconds of silence after which the server asks whether a client is still there. Lower "
        "it when firewalls forget idle connections sooner.",
    )
    keepalive_timeout_s: float = Field(
        20.0,
        gt=0,
        description="Seconds to wait for that answer before the connection is closed. Raise it on poor "
        "networks.",
    )
    min_ping_interval_s: float = Field(
        10.0,
        gt=0,
        description="Clients that ping more often than this, in seconds, are disconnected. Lower it when "
        "clients of yours must ping more often.",
    )
    tls_certificate: Path | None = Field(
        None,
        description="PEM file of the server's certificate chain. Set it, with the key, to serve anything but "
        "loopback.",
    )
    tls_key: Path | None = Field(
        None, description="PEM file of the private key. Set it with the certificate."
    )
    tls_client_ca: Path | None = Field(
        None,
        description="PEM file of the authorities whose client certificates are accepted. Set it to require "
        "mutual TLS.",
    )
    allow_plaintext: bool = Field(
        default=False,
        description="Whether to serve addresses other than loopback without TLS. Set it only where something "
        "else, such as a mesh's proxy, encrypts the traffic.",
    )
    tokens_file: Path | None = Field(
        None,
        description="File with one bearer token per line; calls must carry one of them. Set it wherever more "
        "than trusted processes can reach the port.",
    )
    tokens: SecretStr | None = Field(
        None,
        description="Bearer tokens separated by commas, in place of a file. Set it where secrets are handed "
        "over in the environment.",
    )
    reflection: bool = Field(
        default=True,
        description="Whether tools such as grpcurl may ask for the contract. Turn it off to show callers no "
        "more than they need.",
    )
    channelz: bool = Field(
        default=False,
        description="Whether gRPC's debugging service is offered. Turn it on to look into connections and "
        "streams; it shows addresses of callers.",
    )
    settle_s: float = Field(
        0.0,
        ge=0,
        description="Seconds between reporting NOT_SERVING and refusing new calls when stopping. Set it to "
        "the time that balancers need to notice, for example 5 in Kubernetes.",
    )
    grace_s: float = Field(
        30.0,
        ge=0,
        description="Seconds that calls in progress have to finish when stopping. Keep it below the time "
        "after which the supervisor kills the process.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Least severity logged. `debug` adds details of connections and batches, never of text; "
        "`warning` drops the line per call.",
    )
    log_file: Path | None = Field(
        None,
        description="File to which logs are appended; by default they go to standard error. Set it where "
        "nothing collects the output of the process.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - files in the working directory are no source
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take flags, then the environment, then the configuration file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        host, _ = split_address(self.address)
        if self.metrics_address:
            split_address(self.metrics_address)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        if self.tls_certificate is None and not is_loopback(host) and not self.allow_plaintext:
            raise ValueError("address is not loopback: set tls_certificate and tls_key, or allow_plaintext")
        if self.worker_port is not None and self.worker_port + self.workers > 65_536:
            raise ValueError("worker_port leaves no port for each of the workers")
        unknown = self.rules_left_out - IDS
        if unknown:
            raise ValueError("audit_rules_off names a rule that does not exist; see `bertillon-server rules`")
        if self.tokens is not None and self.tokens_file is not None:
            raise ValueError("set tokens or tokens_file, not both")
        return self

    @property
    def rules_left_out(self) -> frozenset[str]:
        """Ids of the audit rules that run only when asked for."""
        return frozenset(rule.strip() for rule in self.audit_rules_off.split(",") if rule.strip())

    @property
    def inference_threads(self) -> int:
        """Inference threads of each process."""
        return self.threads or max(1, usable_cores() // self.workers)

    @property
    def coding_process_count(self) -> int:
        """Coding processes beside each server process."""
        if self.coding_processes is not None:
            return self.coding_processes
        return self.inference_threads if self.inference_threads > 1 else 0

    @property
    def message_bytes(self) -> int:
        """Largest message accepted, in bytes."""
        if self.max_message_bytes is not None:
            return self.max_message_bytes
        return self.max_note_code_points * BYTES_PER_CODE_POINT + ENVELOPE_BYTES


# Given in the environment or a file only.
NOT_FLAGS: Final = frozenset({"tokens"})


def load_settings(flags: Mapping[str, Any], config: Path | None) -> Settings:
    """Read the settings from all sources; raises `SettingsError` naming every setting that is wrong."""
    if config is not None and not config.is_file():
        raise SettingsError(f"the configuration file {config} does not exist")

    class _Configured(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        return _Configured(**flags)
    except ValidationError as error:
        problems = "; ".join(_problem(item) for item in error.errors(include_url=False, include_input=False))
        raise SettingsError(f"invalid settings: {problems}") from None
    except (ValueError, OSError) as error:  # what tomllib and the environment's parsers raise
        raise SettingsError(f"the settings cannot be read: {type(error).__name__}") from None


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`; raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError("an address is written host:port, for example 127.0.0.1:50051")
    return host.removeprefix("[").removesuffix("]"), int(port)


def join_address(host: str, port: int) -> str:
    """Return `host:port`, `[v6]:port` for an address of version 6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host can only be reached from the same machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _problem(item: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in item["loc"])
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
