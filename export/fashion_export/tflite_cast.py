"""A cast from uint8 put before the float input of a TFLite graph."""

from typing import Any

from fashion_export.flatbuffer import add_tensor, make_operator


def cast_input(model: Any) -> None:
    """Make `model` (a `ModelT` with one float32 input) eat uint8: the old input becomes the cast's output."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    old = int(graph.inputs[0])
    graph.tensors[old].name = b"image/float"
    new = add_tensor(graph, b"image", schema.TensorType.UINT8, old)
    graph.operators.insert(0, make_operator(model, schema.BuiltinOperator.CAST, new, old))
    graph.inputs = [new]
    for signature in model.signatureDefs or ():
        for entry in signature.inputs:
            entry.tensorIndex = new
