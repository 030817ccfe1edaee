"""TFLite float16: weights kept as halves, arithmetic in float32 (or float16 where the device has it)."""

from fashion_export.trace import freeze
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 in, float32 scores out."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "uint8")])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    data: bytes = converter.convert()
    return data
