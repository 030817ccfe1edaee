"""ONNX float32 by tf2onnx from the frozen function: input `image` uint8 NHWC, output `scores`, the cast inside."""

from typing import Any

import numpy as np

from fashion_export.trace import freeze
from fashion_export.variants.job import Job

OPSET = 13  # the first with per-channel QuantizeLinear; onnxruntime reads it since 1.6 (2020)


def convert(job: Job) -> bytes:
    """The bytes of an .onnx file, batch 1 unless the job leaves it open."""
    data: bytes = build(job).SerializeToString(deterministic=True)
    return data


def build(job: Job) -> Any:
    """The ModelProto, slimmed: tf2onnx has folded and merged, what is left of names and shapes is cut."""
    import tf2onnx

    # frozen before: tf2onnx takes what a Normalization layer holds, arrays that are no variables, for further inputs
    frozen = freeze(job.model, job.spec, "uint8", None if job.any_batch else 1)
    (image,), (scores,) = ([tensor.name for tensor in ends] for ends in (frozen.inputs, frozen.outputs))
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(add_shapes=True),
        input_names=[image],
        output_names=[scores],
        tensors_to_rename={image: "image", scores: "scores"},
        opset=OPSET,
        custom_op_handlers={"Erfc": (write_erfc, [])},
    )
    del model.graph.value_info[:]  # shapes in between: every runtime infers them
    model.graph.doc_string = model.doc_string = ""
    rename(model.graph)
    return model


def write_erfc(graph: Any, node: Any, *_: Any) -> None:
    """1 - erf(x) in place of the Erfc of Keras' GELU, which ONNX does not have and tf2onnx does not know."""
    shape, kind = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    one = graph.make_const(f"{node.name}/one", np.ones((), np.float32))
    erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[kind])
    graph.remove_node(node.name)
    graph.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, shapes=[shape], dtypes=[kind])


def rename(graph: Any) -> None:
    """Number nodes and tensors in order of use: tf2onnx counts on from export to export, and shuffles the constants."""
    for end in (*graph.input, *graph.output):
        if (batch := end.type.tensor_type.shape.dim[0]).dim_param:
            batch.dim_param = "batch"
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    for number, node in enumerate(graph.node):
        node.name, node.doc_string = f"{node.op_type}_{number}", ""
        for tensors in (node.input, node.output):
            for i, name in enumerate(tensors):
                tensors[i] = names.setdefault(name, f"t{len(names)}") if name else ""
    order = {name: place for place, name in enumerate(names)}
    constants = sorted(graph.initializer, key=lambda tensor: order[tensor.name])
    for tensor in constants:
        tensor.name = names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(constants)
