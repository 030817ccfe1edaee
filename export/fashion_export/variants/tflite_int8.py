"""TFLite full int8: weights, activations, input and output; uint8 at both ends."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import DatasetError
from fashion_export.trace import freeze
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 pixels in, uint8 scores on the 1/256 grid out.

    Raises:
        DatasetError: no calibration photo, without which there is no int8.
    """
    import tensorflow as tf

    if not len(job.calibration):
        raise DatasetError("int8 needs calibration photos and there is none; see calibration.csv of the run")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "float32")])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: feed(job.calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    data: bytes = converter.convert()
    return data


def feed(calibration: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """The calibration inputs one by one, as the converter's calibrator eats them.

    Two opposite corners of the first are set to black and white: the observed range is then 0..255 whatever the
    photos, the input's scale exactly 1, and a pixel reaches the graph unrounded.
    """
    for i, pixels in enumerate(calibration):
        image = pixels[None].astype(np.float32)
        if i == 0:
            image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield [image]
