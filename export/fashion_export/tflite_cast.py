"""A cast from uint8 put before the float input of a TFLite graph."""

from typing import Any


def cast_input(model: Any) -> None:
    """Make `model` (a `ModelT` with one float32 input) eat uint8: the old input becomes the cast's output."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    old = int(graph.inputs[0])
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = b"image", schema.TensorType.UINT8, 0  # buffer 0 is the empty one
    tensor.shape = list(graph.tensors[old].shape)
    graph.tensors[old].name = b"image/float"
    graph.tensors.append(tensor)
    cast = schema.OperatorCodeT()
    cast.builtinCode = cast.deprecatedBuiltinCode = schema.BuiltinOperator.CAST
    cast.version = 1
    model.operatorCodes.append(cast)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [len(graph.tensors) - 1], [old]
    graph.operators.insert(0, operator)
    graph.inputs = [len(graph.tensors) - 1]
    for signature in model.signatureDefs or ():
        for entry in signature.inputs:
            entry.tensorIndex = graph.inputs[0]
