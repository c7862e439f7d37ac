"""Operators, parameters and multiply-accumulates of a TFLite flatbuffer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ai_edge_litert import schema_py_generated as schema

PRODUCTS: Final = frozenset({"BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Operators that multiply matrices, the bulk of the arithmetic."""
MOVES: Final = frozenset({"MAX_POOL_2D", "PAD", "RESHAPE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})
"""Operators that only move numbers."""

_LOOPS: Final = frozenset({"WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"})
"""Operators that run a step repeatedly."""
_NAMES: Final = {code: name for name, code in vars(schema.BuiltinOperator).items() if name[0] != "_"}
_INTEGERS: Final = frozenset({schema.TensorType.INT32, schema.TensorType.INT64})
_BIAS: Final = 2
"""Index of the bias among a product's inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    """One step of a graph."""

    name: str
    """Name in TFLite's schema, such as "CONV_2D", or of a custom operator."""
    source: str
    """Name of its first input tensor."""
    tensor: str
    """Name of its output tensor."""
    n_rows: int
    """Vectors in the output tensor: its elements over the length of its last axis."""
    is_custom: bool
    """Whether it is no operator of TFLite."""
    macs: int
    """Multiply-accumulates of a product; 0 for other operators."""
    is_float: bool
    """Whether its input is float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """The graph of a flatbuffer."""

    operators: tuple[Operator, ...]
    """Every operator, in the order of execution."""
    n_parameters: int
    """Weights, biases and normalization, without shapes."""

    @property
    def has_loops(self) -> bool:
        """Whether parts run more than once, as recurrent layers do."""
        return any(each.name in _LOOPS for each in self.operators)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all products; a loop counts once."""
        return sum(each.macs for each in self.operators)


def read_graph(network: bytes) -> Graph:
    """Read a flatbuffer.

    Args:
        network: the flatbuffer, with or without a card behind it.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(network, 0))
    operators: list[Operator] = []
    n_parameters = 0
    for part in model.subgraphs:
        names = [_name(model, operator) for operator in part.operators]
        for operator, (name, is_custom) in zip(part.operators, names, strict=True):
            read, written = part.tensors[operator.inputs[0]], part.tensors[operator.outputs[0]]
            operators.append(
                Operator(
                    name=name,
                    source=_label(read),
                    tensor=_label(written),
                    n_rows=math.prod(_shape(written)[:-1]),
                    is_custom=is_custom,
                    macs=_macs(name, part.tensors, operator),
                    is_float=read.type == schema.TensorType.FLOAT32,
                )
            )
        n_parameters += sum(_parameters(model, part, [name for name, _ in names]))
    return Graph(operators=tuple(operators), n_parameters=n_parameters)


def _label(tensor: Any) -> str:  # noqa: ANN401
    """A tensor's name; empty if it was stripped."""
    return tensor.name.decode() if tensor.name is not None else ""


def _name(model: Any, operator: Any) -> tuple[str, bool]:  # noqa: ANN401
    """An operator's name, and whether it is a custom one."""
    code = model.operatorCodes[operator.opcodeIndex]
    if code.customCode is not None:
        return code.customCode.decode(), True
    # Codes up to 127 are in the older of the two fields.
    return _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)], False


def _macs(name: str, tensors: Sequence[Any], operator: Any) -> int:  # noqa: ANN401
    """Output elements of a product times the multiplications of each."""
    if name not in PRODUCTS:
        return 0
    weights = _shape(tensors[operator.inputs[1]])
    n_written = math.prod(_shape(tensors[operator.outputs[0]]))
    if name == "BATCH_MATMUL":
        return n_written * _shape(tensors[operator.inputs[0]])[-1]
    if name == "DEPTHWISE_CONV_2D":  # (1, height, width, out)
        return n_written * math.prod(weights[1:3])
    return n_written * math.prod(weights[1:])  # (out, ..., in)


def _parameters(model: Any, part: Any, names: Sequence[str]) -> Iterator[int]:  # noqa: ANN401
    """Number of elements of each constant that is no shape, axis or index."""
    biases = {
        operator.inputs[_BIAS]
        for operator, name in zip(part.operators, names, strict=True)
        if name in PRODUCTS and len(operator.inputs) > _BIAS
    }
    for index, tensor in enumerate(part.tensors):
        data = model.buffers[tensor.buffer].data
        is_constant = data is not None and len(data) > 0
        if is_constant and (tensor.type not in _INTEGERS or index in biases):
            yield math.prod(_shape(tensor))


def _shape(tensor: Any) -> list[int]:  # noqa: ANN401
    return [] if tensor.shape is None else [int(size) for size in tensor.shape]
