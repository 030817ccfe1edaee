"""TFLite files. All have uint8 pixels in and float32 scores out, except full int8, which has the types of the job."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_export.flatbuffer import insert_cast, read_model, split_quantize, write_model
from fashion_export.variants.job import Job, freeze


def convert_float32(job: Job) -> bytes:
    """The same arithmetic as Keras, after a cast from uint8."""
    return bytes(_converter(job, "uint8").convert())


def convert_float16(job: Job) -> bytes:
    """Weights stored as float16; arithmetic in float32, or float16 where the device has it."""
    import tensorflow as tf

    converter = _converter(job, "uint8", optimize=True)
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def convert_dynamic(job: Job) -> bytes:
    """Dynamic range: int8 weights, activations quantized at run time; needs no calibration photos."""
    return bytes(_converter(job, "uint8", optimize=True).convert())


def convert_int8(job: Job) -> bytes:
    """Full int8: weights, activations, input and output; scores on the 1/256 grid."""
    import tensorflow as tf

    converter = _calibrated(job, tf.lite.OpsSet.TFLITE_BUILTINS_INT8)
    converter.inference_input_type = converter.inference_output_type = tf.as_dtype(job.io)
    return split_quantize(converter.convert())


def convert_int16x8(job: Job) -> bytes:
    """int8 weights and 16-bit activations, for networks whose activations int8 cannot represent.

    The converter cannot quantize a cast to 16 bits, so the cast from uint8 is inserted afterwards.
    """
    import tensorflow as tf

    converter = _calibrated(job, tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8)
    model = read_model(converter.convert())
    insert_cast(model)
    return write_model(model)


def representative_dataset(calibration: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """Calibration inputs (n, h, w, 3) one by one, as the converter expects them: (1, h, w, 3) float32.

    Two opposite corners of the first are set to black and white. The observed range is then 0..255 whatever the
    photos, the input's scale is exactly 1, and a pixel reaches the graph unrounded.
    """
    for i, pixels in enumerate(calibration):
        image = pixels[None].astype(np.float32)
        if i == 0:
            image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield [image]


def _converter(job: Job, dtype: str, *, optimize: bool = False) -> Any:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job, dtype)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
    return converter


def _calibrated(job: Job, operators: Any) -> Any:
    photos = job.require_calibration()
    converter = _converter(job, "float32", optimize=True)
    converter.representative_dataset = lambda: representative_dataset(photos)
    converter.target_spec.supported_ops = [operators]
    return converter
