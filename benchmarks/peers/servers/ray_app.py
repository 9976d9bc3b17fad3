"""The job as a Ray Serve deployment behind Serve's gRPC proxy.

`python -m benchmarks.peers.servers.ray_app PORT`; the replicas and the largest batch come from the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import grpc
import ray
from google.protobuf.wrappers_pb2 import StringValue
from ray import serve
from ray.serve.config import gRPCOptions

from benchmarks.peers.servers.note_job import NoteJob

REPLICAS = int(os.environ.get("PEER_PROCESSES", "2"))
BATCH = int(os.environ.get("PEER_BATCH", "1"))
CORES = int(os.environ.get("PEER_CORES", "2"))
SERVICE = "bertillon.peers.Coding"


def add_coding_to_server(servicer: Any, server: Any) -> None:  # noqa: ANN401 - as generated code has it
    """Register `Code`, as the code that is generated for a service does."""
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.Code,
        request_deserializer=StringValue.FromString,
        response_serializer=StringValue.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Code": handler}),))


@serve.deployment(
    num_replicas=REPLICAS,
    # A replica takes as many requests at a time as it can work on; the others wait at the proxy.
    max_ongoing_requests=2 * BATCH,
    ray_actor_options={"num_cpus": CORES / REPLICAS},
)
class Coding:
    """One process that codes notes, some at a time where batching is on."""

    def __init__(self) -> None:
        self._job = NoteJob.from_environment()

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.0)
    async def _batched(self, texts: list[str]) -> list[str]:
        return self._job.code(texts)

    async def Code(self, request: StringValue) -> StringValue:  # noqa: N802 - named as the method of the service
        """Code a note."""
        coded = await self._batched(request.value) if BATCH > 1 else self._job.code([request.value])[0]
        return StringValue(value=coded)


if __name__ == "__main__":
    port = int(sys.argv[1])
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": "127.0.0.1", "port": port + 1},
        grpc_options=gRPCOptions(
            port=port, grpc_servicer_functions=[f"{__spec__.name}.add_coding_to_server"]
        ),
    )
    serve.run(Coding.bind(), name="coding")  # type: ignore[attr-defined]
    print("serving", flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    serve.shutdown()
    ray.shutdown()
