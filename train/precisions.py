"""The precisions that a network is exported in."""

from typing import Final, Literal, get_args

Precision = Literal["float32", "dynamic", "int8"]
"""float32 throughout; int8 weights with float32 activations; int8 weights and activations."""

PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)


def file_name(name: str, precision: Precision) -> str:
    """The file of a network in one precision."""
    return f"{name}.tflite" if precision == "float32" else f"{name}-{precision}.tflite"
