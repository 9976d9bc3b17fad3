"""The job behind Triton Inference Server, by PyTriton, which runs Python functions as the instances of a model.

`python -m benchmarks.peers.servers.triton_app PORT`; the instances and the largest batch come from the environment.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.peers.servers.note_job import NoteJob

INSTANCES = int(os.environ.get("PEER_PROCESSES", "2"))
BATCH = int(os.environ.get("PEER_BATCH", "1"))


def _instance(job: NoteJob) -> Any:  # noqa: ANN401 - what the decorator makes of a function
    @batch
    def code(text: np.ndarray[Any, Any]) -> dict[str, Any]:
        coded = job.code([note.decode() for note in text[:, 0].tolist()])
        return {"coded": np.array([[item.encode()] for item in coded], dtype=object)}

    return code


if __name__ == "__main__":
    port = int(sys.argv[1])
    job = NoteJob.from_environment()
    # The ports of HTTP and of metrics are the next two, which the study has found free as well.
    config = TritonConfig(grpc_port=port, http_port=port + 1, metrics_port=port + 2, log_verbose=0)
    with Triton(config=config) as triton:
        triton.bind(
            model_name="coding",
            infer_func=[_instance(job) for _ in range(INSTANCES)],
            inputs=[Tensor(name="text", dtype=bytes, shape=(1,))],
            outputs=[Tensor(name="coded", dtype=bytes, shape=(1,))],
            config=ModelConfig(max_batch_size=BATCH, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
            strict=False,
        )
        triton.serve()
