"""The networks, by name. Each is built of Keras' own layers and eats float32 pixels 0..255."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashion_edge.errors import UsageError
from fashion_train.size import Size

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """A network that `--arch` can name."""

    name: str
    input_size: Size  # of its own
    build: Callable[["NetworkOptions"], "keras.Model"]


@dataclass(frozen=True)
class NetworkOptions:
    """What a network is built for."""

    size: Size  # of the input
    labels: int
    task: str = "multi-label"  # or single-label
    seed: int = 0

    @property
    def activation(self) -> str:
        """Sigmoid where labels stand beside each other, softmax where exactly one is right."""
        return "sigmoid" if self.task == "multi-label" else "softmax"


def scores_layer(options: NetworkOptions, seed: int) -> "keras.Layer":
    """The last layer of every network: one score a label, in float32 however the rest computes."""
    import keras

    return keras.layers.Dense(
        options.labels,
        activation=options.activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        name="scores",
        dtype="float32",  # a float16 sigmoid saturates
    )


@contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Networks built inside compute in float16 and keep their weights in float32, where `mixed` says so.

    Source: Micikevicius et al., "Mixed precision training", 2018.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def find_architecture(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        UsageError: there is none; the message lists what there is.
    """
    from fashion_train.networks.compact import build_compact
    from fashion_train.networks.smallervgg import build_smallervgg

    known = {
        "compact": Architecture("compact", (120, 96), build_compact),
        "smallervgg": Architecture("smallervgg", (96, 96), build_smallervgg),
    }
    if name not in known:
        raise UsageError(f"--arch {name!r} is not one of {', '.join(known)}")
    return known[name]
