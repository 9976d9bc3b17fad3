from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub
from bertillon_server.app.startup import StartupError
from serving import CLIENT_OPTIONS, Serve, error_details

REQUEST = pb.CodeSectionRequest(text="cough")
SERVICES = ["", "bertillon.coding.v1.CodingService", "bertillon.coding.v1.CatalogService"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority and, signed by it, a server's and a client's certificate."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    for name in ("server", "client"):
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return folder


async def status_of(port: int, service: str) -> int:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CLIENT_OPTIONS) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return int((await stub.Check(health_pb2.HealthCheckRequest(service=service))).status)


async def test_health_is_serving_for_the_server_and_each_service(serve: Serve) -> None:
    async with serve() as up:
        for service in SERVICES:
            assert await status_of(up.port, service) == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services_and_can_be_turned_off(serve: Serve) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with serve() as up:
        stub = reflection_pb2_grpc.ServerReflectionStub(up.channel)
        (reply,) = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
    listed = {service.name for service in reply.list_services_response.service}
    assert set(SERVICES[1:]) <= listed
    async with serve(reflection=False) as up:
        stub = reflection_pb2_grpc.ServerReflectionStub(up.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("offered", [False, True])
async def test_channelz_is_offered_on_request_only(serve: Serve, *, offered: bool) -> None:
    async with serve(channelz=offered) as up:
        method: Any = up.channel.unary_unary("/grpc.channelz.v1.Channelz/GetServers")
        if offered:
            await method(b"")
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer wrong"),),
        (("authorization", "right"),),
        (("authorization", "Basic right"),),
    ],
)
async def test_calls_without_a_valid_token_are_unauthenticated(
    serve: Serve, tmp_path: Path, metadata: tuple[tuple[str, str], ...]
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("right\nother\n")
    async with serve(tokens_file=tokens) as up:
        stream = up.coding.CodeNotes(metadata=metadata)
        for call in (up.coding.CodeSection(REQUEST, metadata=metadata), stream.read()):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert error_details(caught.value)["ErrorInfo"].reason == "UNAUTHENTICATED"
        stub = reflection_pb2_grpc.ServerReflectionStub(up.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [_ async for _ in stub.ServerReflectionInfo(iter([]), metadata=metadata)]
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert up.coder.calls == []
        assert await status_of(up.port, "") == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_each_token_of_the_file_admits(serve: Serve, tmp_path: Path, scheme: str) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("\nright\n other \n")
    async with serve(tokens_file=tokens) as up:
        for token in ("right", "other"):
            await up.coding.CodeSection(REQUEST, metadata=(("authorization", f"{scheme} {token}"),))


async def test_a_token_of_the_environment_admits(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTILLON_TOKENS", "one,two")
    async with serve() as up:
        await up.coding.CodeSection(REQUEST, metadata=(("authorization", "Bearer two"),))


async def test_an_empty_file_of_tokens_does_not_admit_everybody(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("\n \n")
    with pytest.raises(StartupError, match="there is none"):
        async with serve(tokens_file=tmp_path / "tokens"):
            pass


async def test_tls_admits_clients_that_trust_the_authority_and_no_plaintext(
    serve: Serve, certificates: Path
) -> None:
    trusted = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    async with serve(tls_certificate=certificates / "server.pem", tls_key=certificates / "server.key") as up:
        address = f"127.0.0.1:{up.port}"
        async with grpc.aio.secure_channel(address, trusted, options=CLIENT_OPTIONS) as channel:
            assert await CodingServiceStub(channel).CodeSection(REQUEST)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeSection(REQUEST)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_mutual_tls_admits_only_clients_with_a_certificate(serve: Serve, certificates: Path) -> None:
    authority = (certificates / "ca.pem").read_bytes()
    known = grpc.ssl_channel_credentials(
        authority, (certificates / "client.key").read_bytes(), (certificates / "client.pem").read_bytes()
    )
    async with serve(
        tls_certificate=certificates / "server.pem",
        tls_key=certificates / "server.key",
        tls_client_ca=certificates / "ca.pem",
    ) as up:
        address = f"127.0.0.1:{up.port}"
        async with grpc.aio.secure_channel(address, known, options=CLIENT_OPTIONS) as channel:
            assert await CodingServiceStub(channel).CodeSection(REQUEST)
        anonymous = grpc.ssl_channel_credentials(authority)
        async with grpc.aio.secure_channel(address, anonymous, options=CLIENT_OPTIONS) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await CodingServiceStub(channel).CodeSection(REQUEST)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_that_is_missing_or_none_is_reported(serve: Serve, tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(StartupError, match="cannot be read"):
        async with serve(tls_certificate=missing, tls_key=missing):
            pass
    missing.write_text("no certificate")
    with pytest.raises(StartupError, match="do not fit"):
        async with serve(tls_certificate=missing, tls_key=missing):
            pass


async def test_a_port_that_is_taken_is_reported(serve: Serve) -> None:
    async with serve() as up:
        with pytest.raises(StartupError, match="the port is taken"):
            async with serve(address=f"127.0.0.1:{up.port}"):
                pass


async def test_metadata_over_the_limit_is_refused(serve: Serve) -> None:
    async with serve(max_metadata_bytes=4_096) as up:
        await up.coding.CodeSection(REQUEST, metadata=(("a", "x" * 2_000),))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeSection(REQUEST, metadata=(("a", "x" * 8_000),))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
