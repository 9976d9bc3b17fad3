"""Credentials from files: TLS, mutual TLS, bearer tokens."""

from __future__ import annotations

from pathlib import Path

import grpc

from bertillon_server.app.settings import Settings
from bertillon_server.app.startup import StartupError


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return the TLS credentials, None without TLS; raises `StartupError` when a file cannot be read."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    authorities = None if settings.tls_client_ca is None else _read(settings.tls_client_ca)
    pair = (_read(settings.tls_key), _read(settings.tls_certificate))
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authorities, require_client_auth=authorities is not None
    )


def bearer_tokens(settings: Settings) -> tuple[str, ...]:
    """Return the tokens that admit a caller, none when anyone may call; raises `StartupError`."""
    if settings.tokens is not None:
        tokens = settings.tokens.get_secret_value().split(",")
    elif settings.tokens_file is not None:
        tokens = _read(settings.tokens_file).decode("utf-8", "replace").splitlines()
    else:
        return ()
    found = tuple(token.strip() for token in tokens if token.strip())
    if not found:
        raise StartupError("bearer tokens are configured and there is none")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartupError(f"the file {path} cannot be read: {error.strerror}") from None
