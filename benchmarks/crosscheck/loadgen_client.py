"""Sends what LoadGen asks for; run by `loadgen.py` with the interpreter of LoadGen's environment.

LoadGen hands queries over in a thread of its own; calls are begun there and answered by callbacks of gRPC.
"""

from __future__ import annotations

import array
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import mlperf_loadgen as loadgen

from benchmarks.load.grpc_calls import section_requests


def main() -> None:
    """Run LoadGen's Server scenario as the file given asks for; write how calls ended that failed."""
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    requests = section_requests(asked["texts"])
    channel = grpc.insecure_channel(asked["target"])
    grpc.channel_ready_future(channel).result(30)
    call: Any = channel.unary_unary("/bertillon.coding.v1.CodingService/CodeSection")
    failed: list[str] = []
    sent = 0
    lock = threading.Lock()

    def issue(samples: Sequence[Any]) -> None:
        nonlocal sent
        for sample in samples:
            # LoadGen draws samples with repetition; every call has a text of its own here.
            with lock:
                index, sent = sent, sent + 1
            future = call.future(requests[index % len(requests)], timeout=10)
            future.add_done_callback(lambda done, sample=sample: answer(done, sample.id))

    def answer(done: Any, sample_id: int) -> None:  # noqa: ANN401 - grpc's own, which has no type
        if done.code() is not grpc.StatusCode.OK:
            failed.append(done.code().name)
        empty = array.array("B", b"\0")
        loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample_id, empty.buffer_info()[0], 1)])

    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.Server
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = asked["rate"]
    settings.server_target_latency_ns = 10**10
    settings.min_duration_ms = round(asked["seconds"] * 1000)
    settings.min_query_count = round(asked["rate"] * asked["seconds"])
    system = loadgen.ConstructSUT(issue, lambda: None)
    library = loadgen.ConstructQSL(len(requests), len(requests), lambda _: None, lambda _: None)
    loadgen.StartTest(system, library, settings)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(system)
    Path("failed.json").write_text(json.dumps(failed), "utf-8")


if __name__ == "__main__":
    main()
