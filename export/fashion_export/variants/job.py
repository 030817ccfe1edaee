"""What every converter gets, and the frozen TensorFlow graph that all of them start from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import DatasetError
from fashion_edge.preprocess import InputSpec


@dataclass(frozen=True)
class Job:
    """A Keras model that expects pixels 0..255, and how its files are to be written."""

    model: Any
    spec: InputSpec
    calibration: NDArray[np.uint8]  # (n, h, w, 3)
    io: str = "uint8"  # input and output type of the int8 TFLite file: uint8, int8 or float32
    any_batch: bool = False  # ONNX: a variable batch dimension instead of 1

    def require_calibration(self) -> NDArray[np.uint8]:
        """The calibration photos; raises `DatasetError` if there is none."""
        if not len(self.calibration):
            raise DatasetError("int8 needs calibration photos and there is none; name some with --dataset DIR")
        return self.calibration


def freeze(job: Job, dtype: str, batch: int | None = 1) -> Any:
    """The model as one traced function, variables turned into constants: `image` (batch, h, w, 3) to `scores`.

    A uint8 input is cast inside the graph; a batch of None is variable. No SavedModel is written, since its temporary
    names would make two exports of one run differ.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec((batch, *job.spec.shape), dtype, name="image")]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def scores(image: Any) -> dict[str, Any]:
        return {"scores": job.model(tf.cast(image, tf.float32), training=False)}

    return convert_variables_to_constants_v2(scores.get_concrete_function())
