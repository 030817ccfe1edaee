"""TFLite int16x8: int8 weights and 16-bit activations, for networks whose activations int8 cannot hold."""

from fashion_export.flatbuffer import cast_input, read_model, write_model
from fashion_export.trace import freeze
from fashion_export.variants.calibrate import feed
from fashion_export.variants.job import Job


def convert(job: Job) -> bytes:
    """The bytes of a .tflite file: uint8 in, float32 scores out.

    The converter cannot quantise a cast to 16 bits, so the cast from uint8 is put before its float input afterwards.

    Raises:
        DatasetError: no calibration photo.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(job.model, job.spec, "float32")])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: feed(job.calibration)
    kinds = tf.lite.OpsSet
    converter.target_spec.supported_ops = [kinds.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    model = read_model(converter.convert())
    cast_input(model)
    return write_model(model)
