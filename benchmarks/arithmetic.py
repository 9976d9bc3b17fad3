"""How much an encoder computes for a token, and what the processor could compute at best: the share of the peak."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from bertillon_server.inference.onnx_session import session_options

# A product of matrices that fits the caches and leaves little but the multiplications.
_ROWS, _INNER, _COLUMNS = 512, 1536, 384
_SECONDS = 0.7


def operations_per_token(encoder: Path, tokens_a_window: float) -> float:
    """Return the additions and multiplications of a token, in windows of a mean length.

    Read off the graph: two for each int8 weight of its products, and four for each value of the attention over the
    window. The rest (normalisation, activation, heads in fp32) is left out, which holds against us.
    """
    graph = onnx.load(str(encoder)).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    products = [
        weights[name]
        for node in graph.node
        for name in node.input
        if name in weights
        and len(weights[name].dims) == 2
        and weights[name].data_type in {TensorProto.INT8, TensorProto.UINT8}
        and node.op_type != "Gather"
    ]
    layers = sum(node.op_type in {"MultiHeadAttention", "Attention", "Softmax"} for node in graph.node)
    width = int(products[0].dims[0])
    return (
        2.0 * sum(int(np.prod(tensor.dims)) for tensor in products) + 4.0 * layers * width * tokens_a_window
    )


def int8_peak(threads: int) -> float:
    """Return the int8 operations a second of the best product of matrices in onnxruntime, on so many threads."""
    return max(_product_rate(_session(kind), threads) for kind in (TensorProto.INT8, TensorProto.UINT8))


def _session(activations: int) -> ort.InferenceSession:
    draw = np.random.default_rng(7)
    weight = onnx.numpy_helper.from_array(
        draw.integers(-127, 128, (_INNER, _COLUMNS), dtype=np.int8), "weight"
    )
    node = helper.make_node("MatMulInteger", ["input", "weight"], ["output"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("input", activations, [_ROWS, _INNER])],
        [helper.make_tensor_value_info("output", TensorProto.INT32, [_ROWS, _COLUMNS])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return ort.InferenceSession(
        model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
    )


def _product_rate(session: ort.InferenceSession, threads: int) -> float:
    dtype = np.int8 if session.get_inputs()[0].type == "tensor(int8)" else np.uint8
    values = np.random.default_rng(7).integers(0, 127, (_ROWS, _INNER)).astype(dtype)
    counts: list[int] = []

    def work(until: float) -> None:
        count = 0
        while time.perf_counter() < until:
            session.run(None, {"input": values})
            count += 1
        counts.append(count)

    session.run(None, {"input": values})
    began = time.perf_counter()
    workers = [threading.Thread(target=work, args=(began + _SECONDS,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) * 2.0 * _ROWS * _INNER * _COLUMNS / (time.perf_counter() - began)


def mean_length(windows: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> float:
    """Return the mean length of the window in which a token stands."""
    sizes = [window.size for window in windows]
    return sum(size * size for size in sizes) / sum(sizes)
