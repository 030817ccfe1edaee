"""A Keras model as one traced TensorFlow function: input `image` (1, h, w, 3), output `scores` (1, labels)."""

from typing import Any

from fashion_edge.preprocess import InputSpec


def trace(model: Any, spec: InputSpec, dtype: str, batch: int | None = 1) -> Any:
    """The tf.function; with dtype `uint8` a cast stands at the front of the graph.

    Args:
        model: a Keras model that eats float32 pixels 0..255.
        spec: the input's size.
        dtype: `uint8` or `float32`.
        batch: the fixed batch, or None for any.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((batch, *spec.shape), dtype, name="image")]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def scores(image: Any) -> dict[str, Any]:
        return {"scores": model(tf.cast(image, tf.float32), training=False)}

    return scores


def freeze(model: Any, spec: InputSpec, dtype: str, batch: int | None = 1) -> Any:
    """The traced function with its variables turned into constants, as the converters want it.

    No SavedModel is written on the way: its temporary names would make two exports of one run differ.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(trace(model, spec, dtype, batch).get_concrete_function())
