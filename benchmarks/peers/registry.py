"""The servers that are compared with ours: how each is started, called, and in which settings its authors would.

Each has the same cores: processes times threads of onnxruntime are as many. Where a framework leaves a choice (two
processes or two threads, batches of notes or one by one) the study tries each and takes what is best for the peer.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.peers.callers import Caller, HttpCaller, RayCaller, V2Caller
from benchmarks.peers.environments import cores, python_of
from benchmarks.peers.wire import MODEL


@dataclass(frozen=True, slots=True)
class Setting:
    """How many processes code notes, with how many threads in each, and how many notes are coded together."""

    processes: int
    threads: int
    batch: int = 1

    def __str__(self) -> str:
        told = f"{self.processes} x {self.threads}"
        return told if self.batch == 1 else f"{told}, batches of {self.batch}"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that is compared with ours.

    `package` is what its version is taken from; `command` are the words that start it, and the variables beside
    those of every peer, for an interpreter, the first of three free ports and a setting.
    """

    name: str
    title: str
    package: str
    settings: tuple[Setting, ...]
    command: Callable[[Path, int, Setting], tuple[list[str], dict[str, str]]]
    caller: Callable[[int], Caller]
    is_quiet: bool = True
    """Whether it takes no processor time while it is idle, so that it may stay while others are measured."""


def _fastapi(python: Path, port: int, setting: Setting) -> tuple[list[str], dict[str, str]]:
    words = [str(python), "-m", "uvicorn", "benchmarks.peers.servers.fastapi_app:app", "--host=127.0.0.1"]
    options = [f"--port={port}", f"--workers={setting.processes}", "--no-access-log", "--log-level=warning"]
    return [*words, *options], {}


def _module(name: str, python: Path, port: int, setting: Setting) -> tuple[list[str], dict[str, str]]:  # noqa: ARG001
    return [str(python), "-m", f"benchmarks.peers.servers.{name}", str(port)], {}


def _triton(python: Path, port: int, setting: Setting) -> tuple[list[str], dict[str, str]]:
    words, variables = _module("triton_app", python, port, setting)
    # Triton's own processes load the library of the interpreter, and are to find that of this one first.
    return words, variables | {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}


def _mosec(python: Path, port: int, setting: Setting) -> tuple[list[str], dict[str, str]]:
    words, variables = _module("mosec_app", python, port, setting)
    return [*words[:-1], f"--port={port}", "--address=127.0.0.1", "--timeout=60000"], variables


def _mlserver(python: Path, port: int, setting: Setting) -> tuple[list[str], dict[str, str]]:
    ports = {"GRPC_PORT": port, "HTTP_PORT": port + 1, "METRICS_PORT": port + 2}
    model = {
        "NAME": MODEL,
        "IMPLEMENTATION": "benchmarks.peers.servers.mlserver_runtime.Coding",
        "MAX_BATCH_SIZE": setting.batch if setting.batch > 1 else 0,
        "MAX_BATCH_TIME": 0.001 if setting.batch > 1 else 0,
    }
    server = ports | {"PARALLEL_WORKERS": setting.processes, "HOST": "127.0.0.1", "DEBUG": "false"}
    variables = {f"MLSERVER_{key}": str(value) for key, value in server.items()}
    variables |= {f"MLSERVER_MODEL_{key}": str(value) for key, value in model.items()}
    return [str(python.with_name("mlserver")), "start", "."], variables


def _many(*batches: int) -> tuple[Setting, ...]:
    """Return a process per core with one thread each, one note at a time and in batches."""
    return tuple(Setting(cores(), 1, batch) for batch in (1, *batches))


PEERS = (
    Peer(
        "fastapi",
        "FastAPI, uvicorn",
        "fastapi",
        (Setting(cores(), 1), Setting(1, cores()), Setting(1, 1)),
        _fastapi,
        partial(HttpCaller, path="/code"),
    ),
    Peer("ray", "Ray Serve, gRPC", "ray", _many(4), partial(_module, "ray_app"), RayCaller, is_quiet=False),
    Peer("mlserver", "MLServer, gRPC", "mlserver", _many(4), _mlserver, partial(V2Caller, raw=False)),
    Peer(
        "triton",
        "Triton, PyTriton",
        "nvidia-pytriton",
        (*_many(4), Setting(1, cores(), 4)),
        _triton,
        partial(V2Caller, raw=True),
    ),
    Peer("mosec", "Mosec", "mosec", _many(4), _mosec, partial(HttpCaller, path="/inference")),
    Peer(
        "litserve",
        "LitServe",
        "litserve",
        _many(4),
        partial(_module, "litserve_app"),
        partial(HttpCaller, path="/predict", envelope=True),
    ),
)
"""Servers only; the loop without a server is `ceiling`, the pipeline of rules `rules`."""


def peer_named(name: str) -> Peer:
    """Return a peer; raises LookupError naming those there are."""
    for peer in PEERS:
        if peer.name == name:
            return peer
    raise LookupError(f"there is no peer {name}; there are {', '.join(peer.name for peer in PEERS)}")


def interpreter(peer: Peer) -> Path:
    """Return the interpreter of a peer's environment."""
    return python_of(peer.name)
