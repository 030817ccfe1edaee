"""TFLite float32: the same arithmetic as Keras, behind a cast from uint8."""

from fashion_export.trace import freeze
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 in, float32 scores out."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "uint8")])
    data: bytes = converter.convert()
    return data
