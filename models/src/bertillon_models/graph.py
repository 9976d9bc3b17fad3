"""The encoder's ONNX graph, written operator by operator from its weights.

The server sends batches whose rows are of equal length, so the graph has neither padding nor a mask.
`LayerNormalization` stands after a plain `Add`: onnxruntime's fused `SkipLayerNormalization` is ten times
slower on a CPU, and its session optimiser leaves this form alone (only the offline transformer optimiser
fuses it).

A scheme says how embeddings are stored and linear maps computed: `FloatScheme` here, the int8 one in
`quantise`. Heads are written onto the trunk's hidden states, as one map for all of them.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from bertillon_models.weights import EncoderWeights, Floats, Layer, Linear, Norm

# 20 is the first operator set with Gelu; format 10 is the newest that the oldest supported runtime reads.
OPERATOR_SET = 20
FORMAT_VERSION = 10
MICROSOFT = "com.microsoft"

INPUT_IDS = "input_ids"
TOKENS = "tokens"


class GraphWriter:
    """Collects operators and constants; what it returns are the names of values."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._outputs: list[onnx.ValueInfoProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant, or return the one of that name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def operator(
        self,
        kind: str,
        inputs: list[str],
        name: str,
        *,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> str:
        """Add an operator with one output, which takes the operator's name."""
        return self.operators(kind, inputs, [name], domain=domain, **attributes)[0]

    def operators(
        self,
        kind: str,
        inputs: list[str],
        names: list[str],
        *,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> list[str]:
        """Add an operator with the named outputs."""
        self._nodes.append(helper.make_node(kind, inputs, names, name=names[0], domain=domain, **attributes))
        return names

    def external(self, name: str, kind: int, dimensions: tuple[int, ...]) -> str:
        """Declare a constant whose value whoever makes a session brings along."""
        declared = onnx.TensorProto(
            name=name, data_type=kind, dims=dimensions, data_location=onnx.TensorProto.EXTERNAL
        )
        # A location is mandatory and names nothing: the runtime refuses the model if no value is brought.
        declared.external_data.add(key="location", value="brought-along")
        self._constants[name] = declared
        return name

    def output(self, name: str, dimensions: list[int | str], kind: int = onnx.TensorProto.FLOAT) -> None:
        """Make a value an output of the graph."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, dimensions))

    def model(self, inputs: list[onnx.ValueInfoProto], title: str) -> onnx.ModelProto:
        """Return what was written as a model."""
        graph = helper.make_graph(
            self._nodes, title, inputs, self._outputs, initializer=list(self._constants.values())
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPERATOR_SET), helper.make_opsetid(MICROSOFT, 1)],
            ir_version=FORMAT_VERSION,
            producer_name="bertillon-models",
        )


class Scheme(Protocol):
    """How numbers are stored and multiplied."""

    def embed(self, graph: GraphWriter, words: Floats) -> str:
        """Write the look-up of the input's word embeddings, [batch, tokens, hidden]."""

    def linear(self, graph: GraphWriter, name: str, value: str, linear: Linear) -> str:
        """Write the linear map of that name over the last dimension of a value."""


class FloatScheme:
    """Everything in fp32. With `observed`, the inputs of the linear maps are outputs too, for calibration."""

    def __init__(self, *, observed: bool = False) -> None:
        self._observed = observed
        self.inputs: dict[str, str] = {}

    def embed(self, graph: GraphWriter, words: Floats) -> str:
        """Write a look-up in fp32."""
        return graph.operator("Gather", [graph.constant("words", words), INPUT_IDS], "embedded")

    def linear(self, graph: GraphWriter, name: str, value: str, linear: Linear) -> str:
        """Write a product and a sum in fp32."""
        self.inputs[name] = value
        if self._observed:
            graph.output(value, ["batch", "tokens", int(linear.weight.shape[0])])
        product = graph.operator(
            "MatMul", [value, graph.constant(f"{name}.weight", linear.weight)], f"{name}.product"
        )
        return graph.operator("Add", [product, graph.constant(f"{name}.bias", linear.bias)], f"{name}.sum")


def encoder_graph(weights: EncoderWeights, scheme: Scheme) -> onnx.ModelProto:
    """Return the encoder: `input_ids` int64 [batch, tokens] in, `tokens` float16 [batch, tokens, width] out.

    A row of `tokens` is the token's hidden state followed by the logits of the heads, where there are any.
    """
    graph = GraphWriter()
    hidden = write_trunk(graph, weights, scheme)
    write_token_heads(graph, hidden, weights)
    ids = helper.make_tensor_value_info(INPUT_IDS, onnx.TensorProto.INT64, ["batch", "tokens"])
    model = graph.model([ids], "encoder")
    onnx.checker.check_model(model)
    return model


def write_trunk(graph: GraphWriter, weights: EncoderWeights, scheme: Scheme) -> str:
    """Write embeddings and layers; return the name of the hidden states, [batch, tokens, hidden]."""
    epsilon = weights.shape.norm_epsilon
    length = graph.operator("Shape", [INPUT_IDS], "length", start=1, end=2)
    zero = graph.constant("zero", np.zeros(1, np.int64))
    places = graph.operator(
        "Slice", [graph.constant("positions", weights.positions), zero, length, zero], "placed"
    )
    summed = graph.operator("Add", [scheme.embed(graph, weights.words), places], "embeddings")
    hidden = _norm(graph, summed, "embeddings.norm", weights.embedding_norm, epsilon)
    for index, layer in enumerate(weights.layers):
        hidden = _layer(graph, hidden, f"layer.{index}", layer, scheme, weights)
    return hidden


def write_token_heads(graph: GraphWriter, hidden: str, weights: EncoderWeights) -> None:
    """Write the output: hidden states, and beside them the logits of all heads; in fp32 until they leave."""
    width = weights.shape.hidden
    if weights.heads is not None:
        logits = FloatScheme().linear(graph, "heads", hidden, weights.heads)
        hidden = graph.operator("Concat", [hidden, logits], "rows", axis=-1)
        width += len(weights.heads.bias)
    graph.operator("Cast", [hidden], TOKENS, to=onnx.TensorProto.FLOAT16)
    graph.output(TOKENS, ["batch", "tokens", width], onnx.TensorProto.FLOAT16)


def _layer(
    graph: GraphWriter, hidden: str, name: str, layer: Layer, scheme: Scheme, weights: EncoderWeights
) -> str:
    epsilon = weights.shape.norm_epsilon
    mixed = scheme.linear(graph, f"{name}.qkv", hidden, layer.qkv)
    parts = [f"{name}.{part}" for part in ("query", "key", "value")]
    graph.operators("Split", [mixed], parts, axis=-1, num_outputs=3)
    attended = graph.operator(
        "MultiHeadAttention", parts, f"{name}.attended", domain=MICROSOFT, num_heads=weights.shape.heads
    )
    projected = scheme.linear(graph, f"{name}.attention_out", attended, layer.attention_out)
    summed = graph.operator("Add", [projected, hidden], f"{name}.attention_sum")
    hidden = _norm(graph, summed, f"{name}.attention_norm", layer.attention_norm, epsilon)

    expanded = scheme.linear(graph, f"{name}.expand", hidden, layer.expand)
    active = graph.operator("Gelu", [expanded], f"{name}.gelu")
    contracted = scheme.linear(graph, f"{name}.contract", active, layer.contract)
    summed = graph.operator("Add", [contracted, hidden], f"{name}.output_sum")
    return _norm(graph, summed, f"{name}.output_norm", layer.output_norm, epsilon)


def _norm(graph: GraphWriter, value: str, name: str, norm: Norm, epsilon: float) -> str:
    constants = [graph.constant(f"{name}.gain", norm.gain), graph.constant(f"{name}.offset", norm.offset)]
    return graph.operator("LayerNormalization", [value, *constants], name, axis=-1, epsilon=epsilon)
