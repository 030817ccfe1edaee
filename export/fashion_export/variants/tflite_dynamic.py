"""TFLite dynamic range: int8 weights, activations quantised as they come; needs no calibration photo."""

from fashion_export.trace import freeze
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 in, float32 scores out."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "uint8")])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    data: bytes = converter.convert()
    return data
