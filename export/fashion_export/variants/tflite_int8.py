"""TFLite full int8: weights, activations, input and output; uint8 at both ends unless the job says otherwise."""

from fashion_export.flatbuffer import detour
from fashion_export.trace import freeze
from fashion_export.variants.calibrate import feed
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 pixels in, scores on the 1/256 grid out; `job.io` changes both ends.

    Raises:
        DatasetError: no calibration photo.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "float32")])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: feed(job.calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.as_dtype(job.io)
    return detour(converter.convert())
