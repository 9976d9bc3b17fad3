"""Int8 for the encoder: weights per output channel, activations with static scales.

Static scales make a text's vector independent of its batch mates; a scale taken from each batch does not.
Weights are signed, activations unsigned around a zero point: onnxruntime's fast kernels on x86 take exactly
that pair (signed times signed was measured eight times slower). All eight bits are used; on processors that
would saturate, the server switches to kernels that don't (`bertillon_server.inference.onnx_session`).
LayerNorm, softmax, GELU and the heads stay fp32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnxruntime as ort

from bertillon_models.graph import INPUT_IDS, MICROSOFT, FloatScheme, GraphWriter, encoder_graph
from bertillon_models.quantise_linear import APART, Observed, QuantisedLinear, quantise_linear
from bertillon_models.rounding import WEIGHT_LIMIT
from bertillon_models.weights import EncoderWeights, Floats, Layer, Linear
from bertillon_server.inference.concepts import equal_length_batches
from bertillon_server.inference.onnx_session import session_options
from bertillon_server.inference.tokenizer import Ids

# Tokens per linear map that are kept: five for each channel of the widest, and 530 MB for 24 maps.
SAMPLED_TOKENS = 8192


class Int8Scheme:
    """Linear maps in int8, word embeddings in int8 with a scale per word."""

    def __init__(self, linears: Mapping[str, QuantisedLinear]) -> None:
        self._linears = linears

    def embed(self, graph: GraphWriter, words: Floats) -> str:
        """Write a look-up of int8 rows and of their scales."""
        steps = np.abs(words).max(axis=1, keepdims=True) / WEIGHT_LIMIT
        # A row of zeros, as of a token that was never trained, stays zeros at any scale.
        steps = np.where(steps > 0, steps, 1).astype(np.float32)
        rows = np.rint(words / steps).astype(np.int8)
        found = graph.operator("Gather", [graph.constant("words", rows), INPUT_IDS], "embedded.rows")
        cast = graph.operator("Cast", [found], "embedded.cast", to=1)
        scales = graph.operator("Gather", [graph.constant("words.steps", steps), INPUT_IDS], "embedded.steps")
        return graph.operator("Mul", [cast, scales], "embedded")

    def linear(self, graph: GraphWriter, name: str, value: str, linear: Linear) -> str:  # noqa: ARG002
        """Write the quantisation of the input, one fused product, and the excess of channels taken apart."""
        chosen = self._linears[name]
        if not chosen.folded:
            smoothing = graph.constant(f"{name}.smoothing", chosen.inverse_smoothing)
            value = graph.operator("Mul", [value, smoothing], f"{name}.smoothed")
        step = graph.constant(f"{name}.step", np.array(chosen.step, np.float32))
        zero = graph.constant(f"{name}.zero", np.array(chosen.zero, np.uint8))
        product = graph.operator(
            "MatMulIntegerToFloat",
            [
                graph.operator("QuantizeLinear", [value, step, zero], f"{name}.quantised"),
                graph.constant(f"{name}.weight", chosen.weight),
                step,
                graph.constant(f"{name}.weight_steps", chosen.weight_steps),
                zero,
                "",
                graph.constant(f"{name}.bias", chosen.bias),
            ],
            f"{name}.product",
            domain=MICROSOFT,
        )
        return _add_excess(graph, name, value, product, chosen) if len(chosen.apart) else product


def observe(weights: EncoderWeights, ids: Sequence[Ids]) -> dict[str, Observed]:
    """Run calibration texts in fp32 and return what each linear map was given."""
    scheme = FloatScheme(observed=True)
    session = ort.InferenceSession(
        encoder_graph(weights, scheme).SerializeToString(),
        session_options(),
        providers=["CPUExecutionProvider"],
    )
    values = list(dict.fromkeys(scheme.inputs.values()))
    # Every n-th token, so that texts of all lengths have their say.
    stride = max(1, sum(len(row) for row in ids) // SAMPLED_TOKENS)
    largest: dict[str, Floats] = {}
    sampled: dict[str, list[Floats]] = {value: [] for value in values}
    seen = 0
    for _, batch in equal_length_batches(ids):
        results = session.run(values, {INPUT_IDS: batch})
        for value, result in zip(values, results, strict=True):
            flat: Floats = result.reshape(-1, result.shape[-1])
            channels = np.abs(flat).max(axis=0)
            largest[value] = np.maximum(largest.get(value, channels), channels)
            sampled[value].append(flat[-seen % stride :: stride].copy())
        seen += batch.size
    return {
        name: Observed(largest[value], np.concatenate(sampled[value]))
        for name, value in scheme.inputs.items()
    }


def quantise(
    weights: EncoderWeights, observed: Mapping[str, Observed]
) -> tuple[EncoderWeights, dict[str, QuantisedLinear]]:
    """Return weights with smoothing folded in where that is free, and every linear map in int8."""
    linears: dict[str, QuantisedLinear] = {}
    layers = []
    for index, layer in enumerate(weights.layers):
        name = f"layer.{index}"
        # Attention mixes tokens, not channels: what divides its output can divide the values instead.
        projection = quantise_linear(layer.attention_out, observed[f"{name}.attention_out"])
        linears[f"{name}.attention_out"] = replace(projection, folded=True)
        folded = _multiply_values(layer, projection.inverse_smoothing)
        layers.append(folded)
        for part, linear in (("qkv", folded.qkv), ("expand", folded.expand)):
            linears[f"{name}.{part}"] = quantise_linear(linear, observed[f"{name}.{part}"])
        # What leaves the GELU has by far the worst outliers. Taking channels apart everywhere would bring the
        # cosine with fp32 from 0.9993 to 0.9994 and cost a tenth of the speed.
        linears[f"{name}.contract"] = quantise_linear(
            folded.contract, observed[f"{name}.contract"], apart=APART
        )
    return replace(weights, layers=tuple(layers)), linears


def _add_excess(graph: GraphWriter, name: str, value: str, product: str, chosen: QuantisedLinear) -> str:
    low, high = (np.array(limit, np.float32) for limit in chosen.range)
    picked = graph.operator(
        "Gather", [value, graph.constant(f"{name}.apart", chosen.apart)], f"{name}.picked", axis=-1
    )
    clipped = graph.operator(
        "Clip",
        [picked, graph.constant(f"{name}.low", low), graph.constant(f"{name}.high", high)],
        f"{name}.clipped",
    )
    excess = graph.operator("Sub", [picked, clipped], f"{name}.excess")
    weight = graph.constant(f"{name}.apart_weight", chosen.apart_weight)
    beyond = graph.operator("MatMul", [excess, weight], f"{name}.beyond")
    return graph.operator("Add", [product, beyond], f"{name}.sum")


def _multiply_values(layer: Layer, factors: Floats) -> Layer:
    hidden = len(factors)
    weight, bias = layer.qkv.weight.copy(), layer.qkv.bias.copy()
    weight[:, 2 * hidden :] *= factors
    bias[2 * hidden :] *= factors
    return replace(layer, qkv=Linear(weight, bias))
