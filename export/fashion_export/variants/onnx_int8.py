"""ONNX int8 by onnxruntime's static quantisation: QDQ, weights per channel."""

import tempfile
from pathlib import Path
from typing import Any

from fashion_edge.errors import DatasetError
from fashion_export.variants.job import Job
from fashion_export.variants.onnx_float32 import build


def convert(job: Job) -> bytes:
    """The bytes of an .onnx file: uint8 pixels in, float32 scores out.

    Raises:
        DatasetError: no calibration photo.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not len(job.calibration):
        raise DatasetError("int8 needs calibration photos and there is none; name some with --calibration DIR")

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rows = ({"image": pixels[None]} for pixels in job.calibration)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rows, None)

    with tempfile.TemporaryDirectory() as folder:  # onnxruntime quantises from file to file
        plain, prepared, small = (Path(folder) / name for name in ("plain.onnx", "prepared.onnx", "small.onnx"))
        onnx.save(build(job), plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            small,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,  # 7-bit weights: on x86 without VNNI two 8-bit products overflow 16 bits, in silence
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
        )
        model = onnx.load(small)
    del model.graph.value_info[:]
    data: bytes = model.SerializeToString(deterministic=True)
    return data
