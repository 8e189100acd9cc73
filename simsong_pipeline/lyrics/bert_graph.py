"""BERT's and RoBERTa's networks as ONNX, written from their configuration and weights alone. No torch here.

The graph is some kilobytes; its weights stay outside and are handed to the session by name, so that a model of any size
is neither copied into a file nor kept in a second form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
_ACTIVATIONS = {
    "gelu": {"approximate": "none"},
    "gelu_new": {"approximate": "tanh"},
    "gelu_pytorch_tanh": {"approximate": "tanh"},
}
_OPSET = 20  # the first with Gelu
_MASKED = -1e9  # added to the score of a token of padding: its share is 0 in float32


@dataclass(frozen=True)
class BertShape:
    """What the configuration says of the network.

    Attributes:
        first_position: row of the position table that a text's first token has.
        positions: tokens that the network takes at once.
    """

    width: int
    layers: int
    heads: int
    epsilon: float
    activation: str
    first_position: int
    positions: int


def shape_of(config: Mapping[str, Any]) -> BertShape | None:
    """The shape of a configuration's network; null where the graph below is not the one of its kind."""
    kind, activation = config.get("model_type"), str(config.get("hidden_act", "gelu"))
    absolute = config.get("position_embedding_type", "absolute") == "absolute"
    if kind not in FAMILIES or activation not in _ACTIVATIONS or not absolute or config.get("is_decoder"):
        return None
    # RoBERTa's kind counts positions from after the padding token's id.
    first = 0 if kind == "bert" else int(config.get("pad_token_id", 1)) + 1
    return BertShape(
        int(config["hidden_size"]),
        int(config["num_hidden_layers"]),
        int(config["num_attention_heads"]),
        float(config.get("layer_norm_eps", 1e-12)),
        activation,
        first,
        int(config["max_position_embeddings"]) - first,
    )


@dataclass
class BertGraph:
    """A graph of input_ids, attention_mask [batch, tokens] to vectors of tokens [batch, tokens, width].

    Attributes:
        weights: what a session has to be given, by name; matrices as [in, out].
    """

    shape: BertShape
    weights: dict[str, NDArray[np.float32]]
    _nodes: list[onnx.NodeProto] = field(default_factory=list)
    _constants: list[onnx.TensorProto] = field(default_factory=list)

    def model(self) -> bytes:
        """The graph, serialised."""
        shape = self.shape
        heads, size = shape.heads, shape.width // shape.heads
        self._constant("split", np.array([0, 0, heads, size]))
        self._constant("join", np.array([0, 0, shape.width]))
        self._constant("scale", np.float32(size**-0.5))
        tokens = self._embedded()
        masked = self._mask()
        for number in range(shape.layers):
            tokens = self._layer(f"encoder.layer.{number}.", tokens, masked)
        self._node("Identity", [tokens], "hidden")
        sides: list[str | int] = ["batch", "tokens"]
        inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, sides) for n in ("input_ids", "attention_mask")]
        output = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [*sides, shape.width])
        outside = [_outside(name, value.shape) for name, value in self.weights.items()]
        graph = helper.make_graph(self._nodes, "bert", inputs, [output], [*self._constants, *outside])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="simsong")
        model.ir_version = 9  # the one of this opset
        serialised: bytes = model.SerializeToString()
        return serialised

    def _embedded(self) -> str:
        """Sum of word, position and type, normalised."""
        first = self.shape.first_position
        words = self._node("Gather", ["embeddings.word_embeddings.weight", "input_ids"])
        length = self._node("Shape", ["input_ids"], start=1, end=2)
        begin = self._constant("first_position", np.array([first]))
        end = self._node("Add", [length, begin])
        axis = self._constant("first_axis", np.array([0]))
        positions = self._node("Slice", ["embeddings.position_embeddings.weight", begin, end, axis])
        both = self._node("Add", [words, positions])
        of_type = self._node("Gather", ["embeddings.token_type_embeddings.weight", self._constant("type", np.array(0))])
        return self._normalised("embeddings.LayerNorm.", self._node("Add", [both, of_type]))

    def _mask(self) -> str:
        """[batch, 1, 1, tokens]: 0 at a token, hardly anything at padding."""
        axes = self._constant("mask_axes", np.array([1, 2]))
        wide = self._node("Unsqueeze", [self._node("Cast", ["attention_mask"], to=TensorProto.FLOAT), axes])
        absent = self._node("Sub", [self._constant("one", np.float32(1)), wide])
        return self._node("Mul", [absent, self._constant("masked", np.float32(_MASKED))])

    def _layer(self, layer: str, tokens: str, masked: str) -> str:
        query, key, value = (self._dense(f"{layer}attention.self.{n}.", tokens) for n in ("query", "key", "value"))
        scores = self._node("MatMul", [self._by_head(query, (0, 2, 1, 3)), self._by_head(key, (0, 2, 3, 1))])
        scores = self._node("Add", [self._node("Mul", [scores, "scale"]), masked])
        mixed = self._node("MatMul", [self._node("Softmax", [scores], axis=-1), self._by_head(value, (0, 2, 1, 3))])
        joined = self._node("Reshape", [self._node("Transpose", [mixed], perm=(0, 2, 1, 3)), "join"])
        attended = self._added(f"{layer}attention.output.", joined, tokens)
        inner = self._dense(f"{layer}intermediate.dense.", attended)
        inner = self._node("Gelu", [inner], **_ACTIVATIONS[self.shape.activation])
        return self._added(f"{layer}output.", inner, attended)

    def _by_head(self, tokens: str, order: tuple[int, ...]) -> str:
        return self._node("Transpose", [self._node("Reshape", [tokens, "split"])], perm=order)

    def _added(self, part: str, tokens: str, before: str) -> str:
        """A dense layer, what was before added, normalised."""
        summed = self._node("Add", [self._dense(f"{part}dense.", tokens), before])
        return self._normalised(f"{part}LayerNorm.", summed)

    def _dense(self, part: str, tokens: str) -> str:
        return self._node("Add", [self._node("MatMul", [tokens, f"{part}weight"]), f"{part}bias"])

    def _normalised(self, part: str, tokens: str) -> str:
        weights = [f"{part}weight", f"{part}bias"]
        return self._node("LayerNormalization", [tokens, *weights], axis=-1, epsilon=self.shape.epsilon)

    def _node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, name: str, value: NDArray[Any] | np.float32) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def weight_names(shape: BertShape) -> list[str]:
    """Of the tensors that the network needs, as checkpoints call them."""
    found = [f"embeddings.{n}_embeddings.weight" for n in ("word", "position", "token_type")]
    parts = ["embeddings.LayerNorm"]
    for n in range(shape.layers):
        layer = f"encoder.layer.{n}."
        parts += [f"{layer}attention.self.{p}" for p in ("query", "key", "value")]
        parts += [f"{layer}{p}" for p in ("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense")]
        parts += [f"{layer}{p}" for p in ("output.dense", "output.LayerNorm")]
    return [*found, *(f"{part}.{kind}" for part in parts for kind in ("weight", "bias"))]


def _outside(name: str, sides: tuple[int, ...]) -> onnx.TensorProto:
    """A tensor without its numbers."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=sides)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="given to the session")
    return tensor
