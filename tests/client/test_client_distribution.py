from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import bertillon

CLIENT = Path(__file__).resolve().parents[2] / "client"


def test_the_synchronous_half_is_what_generation_gives() -> None:
    ended = subprocess.run(
        [sys.executable, CLIENT / "scripts" / "generate_sync.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_nothing_of_asyncio_is_left_in_the_synchronous_half() -> None:
    for path in (CLIENT / "src" / "bertillon" / "_sync").glob("*.py"):
        # The first line names the source.
        assert not re.search(r"async|await", path.read_text().partition("\n")[2], re.IGNORECASE), path.name


def test_importing_the_client_needs_grpc_and_protobuf_only() -> None:
    code = "import sys, bertillon; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())

    assert loaded.isdisjoint({"click", "rich", "numpy", "grpc_status", "bertillon_server"})
    assert "google" in loaded


def test_the_floors_of_the_dependencies_are_what_the_generated_code_demands() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    floors = dict(dependency.split(">=") for dependency in project["dependencies"])
    package = resources.files("bertillon.coding.v1")
    stub = (package / "coding_service_pb2_grpc.py").read_text()
    messages = (package / "coding_service_pb2.py").read_text()

    assert floors["grpcio"] == re.findall(r"GRPC_GENERATED_VERSION = '(.*)'", stub)[0]
    assert floors["protobuf"] == re.findall(r"Protobuf Python Version: (.*)", messages)[0]


def test_everything_public_is_named_once_and_exists() -> None:
    assert sorted(set(bertillon.__all__)) == sorted(bertillon.__all__)
    for name in bertillon.__all__:
        assert getattr(bertillon, name) is not None
    assert (resources.files("bertillon") / "py.typed").is_file()
