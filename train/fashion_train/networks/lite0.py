"""EfficientNet-Lite0 without its classifier: the teacher that knows ImageNet. It is never shipped.

Source: Tan and Le, "EfficientNet", 2019; the Lite variants drop squeeze-and-excitation and swish for ReLU6.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashion_train.size import Size

if TYPE_CHECKING:
    import keras

EPSILON = 1e-3  # of the batch normalisation in the published weights
FEATURES = 1280


@dataclass(frozen=True)
class Block:
    """An inverted residual: widen by 1x1, filter each channel, narrow by 1x1."""

    kernel: int
    stride: int
    expand: int
    channels: int


BLOCKS = (
    Block(3, 1, 1, 16),
    *(Block(3, 2, 6, 24), Block(3, 1, 6, 24)),
    *(Block(5, 2, 6, 40), Block(5, 1, 6, 40)),
    *(Block(3, 2, 6, 80), Block(3, 1, 6, 80), Block(3, 1, 6, 80)),
    *(Block(5, 1, 6, 112), Block(5, 1, 6, 112), Block(5, 1, 6, 112)),
    *(Block(5, 2, 6, 192), Block(5, 1, 6, 192), Block(5, 1, 6, 192), Block(5, 1, 6, 192)),
    Block(3, 1, 6, 320),
)


def build_lite0(size: Size) -> "keras.Model":
    """Input (height, width, 3) float32 RGB pixels 0..255, output (1280,) features; weights still random."""
    import keras
    from keras import layers

    image = keras.Input((*size, 3), name="image")
    x = _conv(layers.Rescaling(1 / 128, offset=-127 / 128)(image), 32, 3, 2, "stem")
    for index, block in enumerate(BLOCKS):
        x = _inverted_residual(x, block, f"block{index}")
    x = _conv(x, FEATURES, 1, 1, "head")
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="lite0")


def _inverted_residual(x: Any, block: Block, name: str) -> Any:
    from keras import layers

    shortcut, inputs = x, x.shape[-1]
    if block.expand > 1:
        x = _conv(x, inputs * block.expand, 1, 1, f"{name}_expand")
    depthwise = layers.DepthwiseConv2D(
        block.kernel, block.stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_depthwise_bn")(depthwise(x))
    x = _conv(layers.ReLU(6)(x), block.channels, 1, 1, f"{name}_project", relu6=False)
    return layers.Add()([x, shortcut]) if block.stride == 1 and inputs == block.channels else x


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str, *, relu6: bool = True) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6)(x) if relu6 else x
