"""ONNX files: input `image` uint8 NHWC, output `scores` float32, the cast inside the graph."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fashion_export.variants.job import Job, freeze

OPSET = 13  # the first with per-channel QuantizeLinear; onnxruntime reads it since 1.6 (2020)


def convert_float32(job: Job) -> bytes:
    """Convert the frozen function with tf2onnx; batch 1 unless the job leaves it open."""
    return bytes(_build(job).SerializeToString(deterministic=True))


def convert_int8(job: Job) -> bytes:
    """Quantize with onnxruntime's static quantization: QDQ, weights per channel."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    photos = job.require_calibration()

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rows = ({"image": pixels[None]} for pixels in photos)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rows, None)

    with tempfile.TemporaryDirectory() as folder:  # onnxruntime quantizes from file to file
        plain, prepared, small = (Path(folder) / name for name in ("plain.onnx", "prepared.onnx", "small.onnx"))
        onnx.save(_build(job), plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            small,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,  # 7-bit weights: x86 without VNNI saturates the 16-bit sum of two 8-bit products
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
        )
        model = onnx.load(small)
    del model.graph.value_info[:]
    return bytes(model.SerializeToString(deterministic=True))


def _build(job: Job) -> Any:
    """The ModelProto, without documentation strings and intermediate shapes, which every runtime infers."""
    import tf2onnx

    # frozen first: tf2onnx would take the arrays of a Normalization layer, which are not variables, for further inputs
    frozen = freeze(job, "uint8", None if job.any_batch else 1)
    (image,), (scores,) = ([tensor.name for tensor in ends] for ends in (frozen.inputs, frozen.outputs))
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(add_shapes=True),
        input_names=[image],
        output_names=[scores],
        tensors_to_rename={image: "image", scores: "scores"},
        opset=OPSET,
        custom_op_handlers={"Erfc": (_replace_erfc, [])},
    )
    del model.graph.value_info[:]
    model.graph.doc_string = model.doc_string = ""
    _rename(model.graph)
    return model


def _replace_erfc(graph: Any, node: Any, *_: Any) -> None:
    """1 - erf(x) in place of the Erfc of Keras' GELU, which neither ONNX nor tf2onnx has."""
    shape, kind = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    one = graph.make_const(f"{node.name}/one", np.ones((), np.float32))
    erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[kind])
    graph.remove_node(node.name)
    graph.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, shapes=[shape], dtypes=[kind])


def _rename(graph: Any) -> None:
    """Number nodes and tensors in order of use: the numbers of tf2onnx grow from export to export, in any order."""
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
