"""Int8 for the encoder: weights per output channel, activations with static scales, SmoothQuant before both.

Static scales make a text's vector independent of its batch mates; a scale taken from each batch does not.
Weights are signed, activations unsigned around a zero point: onnxruntime's fast kernels on x86 take exactly
that pair (signed times signed was measured eight times slower). All eight bits are used; on processors that
would saturate, the server switches to kernels that don't (`bertillon_server.inference.onnx_session`).
LayerNorm, softmax, GELU and the heads stay fp32.

SmoothQuant (Xiao et al. 2023, arXiv:2211.10438) moves the spread of an activation's channels into the
weights; how much of it (alpha) is chosen for each linear map by the error of its output on calibration texts
(clipping the range of activations as well was tried and gains nothing). Weights are then rounded one input
channel after the other, each passing its error on to the channels that follow (`rounding`), and the mean of
the error that remains goes into the bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bertillon_models.graph import INPUT_IDS, MICROSOFT, FloatScheme, GraphWriter, encoder_graph
from bertillon_models.rounding import WEIGHT_LIMIT, round_in_turn
from bertillon_models.vectors import equal_length_batches
from bertillon_models.weights import EncoderWeights, Floats, Layer, Linear
from bertillon_server.inference.onnx_session import session_options
from bertillon_server.inference.tokenizer import Ids

ACTIVATION_LEVELS = 255

# Share of an activation's spread that moves into the weights. 1.0 looks better map by map and is worse for the
# whole encoder: weights then carry channels that calibration happened not to stress.
ALPHAS = (0.6, 0.7, 0.8, 0.9)
# Tokens per linear map that are kept: five for each channel of the widest, and 530 MB for 24 maps.
SAMPLED_TOKENS = 8192
# Tokens of those that candidates are compared on.
COMPARED_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Observed:
    """What calibration texts put into one linear map: the largest magnitude per channel, and sampled tokens."""

    largest: Floats
    tokens: Floats


@dataclass(frozen=True, slots=True)
class QuantisedLinear:
    """A linear map in int8.

    The input is multiplied by `inverse_smoothing` (unless `folded`: what makes the input already does so),
    divided by `step`, rounded and shifted by `zero`; a column of the weight counts in units of its
    `weight_steps`. `relative_error` is the squared error of the output over its square, on calibration texts.
    """

    inverse_smoothing: Floats
    step: float
    zero: int
    weight: NDArray[np.int8]
    weight_steps: Floats
    bias: Floats
    relative_error: float = 0.0
    folded: bool = False


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
        """Write the quantisation of the input and one fused product."""
        chosen = self._linears[name]
        if not chosen.folded:
            smoothing = graph.constant(f"{name}.smoothing", chosen.inverse_smoothing)
            value = graph.operator("Mul", [value, smoothing], f"{name}.smoothed")
        step = graph.constant(f"{name}.step", np.array(chosen.step, np.float32))
        zero = graph.constant(f"{name}.zero", np.array(chosen.zero, np.uint8))
        return graph.operator(
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
            f"{name}.sum",
            domain=MICROSOFT,
        )


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
        projection, smoothing = quantise_linear(layer.attention_out, observed[f"{name}.attention_out"])
        linears[f"{name}.attention_out"] = replace(projection, folded=True)
        folded = _divide_values(layer, smoothing)
        layers.append(folded)
        for part, linear in (("qkv", folded.qkv), ("expand", folded.expand), ("contract", folded.contract)):
            linears[f"{name}.{part}"], _ = quantise_linear(linear, observed[f"{name}.{part}"])
    return replace(weights, layers=tuple(layers)), linears


def quantise_linear(linear: Linear, observed: Observed) -> tuple[QuantisedLinear, Floats]:
    """Return the int8 form with the least error on the observed tokens, and its smoothing per channel."""
    stride = max(1, len(observed.tokens) // COMPARED_TOKENS)
    compared = observed.tokens[::stride]
    wanted = compared @ linear.weight
    smoothings = [_smoothing(linear, observed, alpha) for alpha in ALPHAS]
    candidates = [(_rounded(linear, observed, smoothing), smoothing) for smoothing in smoothings]
    errors = [_relative_error(candidate, compared, wanted) for candidate, _ in candidates]
    best, smoothing = candidates[int(np.argmin(errors))]
    smoothed = linear.weight * smoothing[:, np.newaxis]
    weight = round_in_turn(smoothed, best.weight_steps, _rounded_tokens(best, observed.tokens))
    best = replace(best, weight=weight)
    # Rounding shifts the mean of the output; the bias takes the shift back.
    shift = (observed.tokens @ linear.weight - _product(best, observed.tokens)).mean(axis=0)
    error = _relative_error(best, compared, wanted)
    return replace(best, bias=(linear.bias + shift).astype(np.float32), relative_error=error), smoothing


def _smoothing(linear: Linear, observed: Observed, alpha: float) -> Floats:
    tiny = np.finfo(np.float32).tiny
    activations = np.maximum(observed.largest, tiny)
    weights = np.maximum(np.abs(linear.weight).max(axis=1), tiny)
    smoothing = activations**alpha / weights ** (1 - alpha)
    centred: Floats = (smoothing / np.exp(np.log(smoothing).mean())).astype(np.float32)
    return centred


def _rounded(linear: Linear, observed: Observed, smoothing: Floats) -> QuantisedLinear:
    smoothed = linear.weight * smoothing[:, np.newaxis]
    steps = (np.abs(smoothed).max(axis=0) / WEIGHT_LIMIT).astype(np.float32)
    tokens = observed.tokens / smoothing
    # Zero must have a level of its own, and does within any range that includes it.
    low, high = min(float(tokens.min()), 0.0), max(float(tokens.max()), 0.0)
    step = (high - low) / ACTIVATION_LEVELS
    return QuantisedLinear(
        inverse_smoothing=(1 / smoothing).astype(np.float32),
        step=step,
        zero=int(np.clip(np.rint(-low / step), 0, ACTIVATION_LEVELS)),
        weight=np.rint(smoothed / steps).astype(np.int8),
        weight_steps=steps,
        bias=linear.bias,
    )


def _relative_error(linear: QuantisedLinear, tokens: Floats, wanted: Floats) -> float:
    return float(np.square(_product(linear, tokens) - wanted).sum() / np.square(wanted).sum())


def _rounded_tokens(linear: QuantisedLinear, tokens: Floats) -> Floats:
    smoothed = tokens * linear.inverse_smoothing
    levels = np.clip(np.rint(smoothed / linear.step) + linear.zero, 0, ACTIVATION_LEVELS) - linear.zero
    rounded: Floats = (levels * linear.step).astype(np.float32)
    return rounded


def _product(linear: QuantisedLinear, tokens: Floats) -> Floats:
    product: Floats = _rounded_tokens(linear, tokens) @ (linear.weight * linear.weight_steps)
    return product


def _divide_values(layer: Layer, smoothing: Floats) -> Layer:
    hidden = len(smoothing)
    weight, bias = layer.qkv.weight.copy(), layer.qkv.bias.copy()
    weight[:, 2 * hidden :] /= smoothing
    bias[2 * hidden :] /= smoothing
    return replace(layer, qkv=Linear(weight, bias))
