"""SmallerVGGNet, layer for layer the network of the tutorial this project grew from.

Source: A. Rosebrock, "Multi-label classification with Keras", PyImageSearch, 2018.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from fashion_train.networks import NetworkOptions


def build_smallervgg(options: "NetworkOptions") -> "keras.Model":
    """Input (height, width, 3) float32 pixels 0..255, output (labels,) scores."""
    import keras
    from keras import layers

    from fashion_train.networks import scores_layer

    layer_list: list[keras.Layer] = [
        keras.Input((*options.size, 3), name="image"),
        layers.Rescaling(1 / 255),
        *_conv(32, seed=options.seed),
        layers.MaxPooling2D(3),
        layers.Dropout(0.25, seed=options.seed + 1),
    ]
    for stage, filters in enumerate((64, 128)):
        layer_list += [
            *_conv(filters, seed=options.seed + 10 * stage + 2),
            *_conv(filters, seed=options.seed + 10 * stage + 3),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25, seed=options.seed + 10 * stage + 4),
        ]
    layer_list += [
        layers.Flatten(),
        layers.Dense(1024, kernel_initializer=keras.initializers.GlorotUniform(options.seed + 30)),
        layers.ReLU(),
        layers.BatchNormalization(),
        layers.Dropout(0.5, seed=options.seed + 31),
        scores_layer(options, options.seed + 32),
    ]
    return keras.Sequential(layer_list, name="smallervgg")


def _conv(filters: int, seed: int) -> "list[keras.Layer]":
    import keras
    from keras import layers

    return [
        layers.Conv2D(filters, 3, padding="same", kernel_initializer=keras.initializers.GlorotUniform(seed)),
        layers.ReLU(),
        layers.BatchNormalization(),
    ]
