"""What the last tflite-runtime, 2.14 of 2023, still reads: many devices have no newer one."""

from fashion_export.outcome import Artefact

# Operator -> newest version that tflite-runtime 2.14.0 accepts. Measured: each version was put into a file and loaded.
NEWEST = {
    "ADD": 5, "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4, "BROADCAST_TO": 3, "CAST": 5, "CONCATENATION": 4, "CONV_2D": 7,
    "DEPTHWISE_CONV_2D": 7, "DEQUANTIZE": 5, "DIV": 2, "ELU": 1, "EXP": 2, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 10,
    "GELU": 2, "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3, "MAXIMUM": 4, "MAX_POOL_2D": 3, "MEAN": 3, "MINIMUM": 4,
    "MUL": 7, "PACK": 4, "PAD": 4, "PADV2": 4, "PRELU": 1, "QUANTIZE": 3, "REDUCE_MAX": 3, "RELU": 3, "RELU6": 3,
    "RESHAPE": 1, "RSQRT": 2, "SHAPE": 1, "SOFTMAX": 3, "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8,
    "SUB": 5, "SUM": 2, "TANH": 3, "TRANSPOSE": 6,
}  # fmt: skip


def refused_by_legacy(artefact: Artefact) -> list[str]:
    """Operators, `NAME vN`, that tflite-runtime 2.14 is too old for; one that was not measured counts as refused."""
    if artefact.recipe.runtime != "litert":
        return []
    words = (operator.split(" v") for operator in artefact.operators)
    return [f"{name} v{version}" for name, version in words if int(version) > NEWEST.get(name, 0)]
