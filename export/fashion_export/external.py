"""A Keras model that fashion-train did not train: scaled to expect pixels 0..255, with labels and photos."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.bundle import parse_label_space
from fashion_edge.errors import DatasetError, ModelError, UsageError, brief
from fashion_edge.images import find_images, read_folder_name
from fashion_edge.preprocess import InputSpec
from fashion_export.calibration import Photo
from fashion_export.repair import copy_network, kind
from fashion_export.saved_model import FILE, open_saved_model
from fashion_export.source import Source, compute_in_float32, load_model

RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}  # scale and offset from pixels
HELD_OUT = 5  # every fifth photo evaluates, the others calibrate
SEED = 0
MAX_CALIBRATION = 300  # photos; more only take longer
HDF5 = b"\x89HDF\r\n\x1a\n"


def load_external(
    model: Any,
    labels: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    dataset: Path | None,
    input_range: str | None = None,
    channels: str = "RGB",
) -> Source:
    """The source of a Keras model or its path, with the arguments of `export`."""
    if dataset is None:
        raise UsageError("a model from elsewhere needs photos to calibrate and compare on; name them with --dataset")
    if not dataset.is_dir():
        raise UsageError(f"{dataset} is not a folder of photos; name one with --dataset")
    members = {name: list(group) for name, group in groups.items()}
    thresholds = dict.fromkeys(labels, 0.5)
    space = parse_label_space({"labels": list(labels), "groups": members, "thresholds": thresholds})
    path = model if isinstance(model, Path) else None
    keras_model = open_model(path) if path else _copy(model)
    name = path.resolve().stem if path else keras_model.name
    height, width = image_size(keras_model, path or name)
    if input_range is None and not any(map(scales_pixels, keras_model._flatten_layers())):
        seen = "is a SavedModel, whose layers cannot be inspected" if path and path.is_dir() else "has no scaling layer"
        ranges = "--input-range 0..1 or -1..1, or 0..255 if it scales pixels itself"
        raise UsageError(f"{path or name} {seen}, so name the range of its input: {ranges}")
    calibration, validation = find_photos(dataset, space.labels)
    hashed = {"sha256": digest(path)} if path else {}
    return Source(
        name=name,
        model_name=path.name if path else name,
        space=space,
        spec=InputSpec(height, width, channels=channels),
        root=dataset,
        calibration=calibration,
        validation=validation,
        facts={"model": {"arch": keras_model.name, "parameters": keras_model.count_params(), **hashed}},
        load=partial(expect_pixels, keras_model, input_range or "0..255"),
    )


def scales_pixels(layer: Any) -> bool:
    """Whether a layer scales pixels 0..255 to the range of a network; one that expects 0..1 has a larger scale.

    After Rescaling(1/255) the scale of the next layer does not matter, so one such layer is enough.
    """
    if kind(layer) == "Rescaling":
        return bool(np.max(np.abs(layer.scale)) < 0.1)
    return kind(layer) == "Normalization" and bool(np.max(layer.variance) > 1)


def open_model(path: Path) -> Any:
    """Load a .keras file, an HDF5 file with any name, or a SavedModel folder."""
    if path.is_dir():
        return open_saved_model(path)
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name a .keras file, an HDF5 file or a SavedModel folder")
    with path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5)) == HDF5
    if not is_hdf5 or path.suffix in (".h5", ".hdf5"):
        return load_model(path)
    with tempfile.TemporaryDirectory() as folder:  # Keras goes by the suffix
        link = Path(folder) / "model.h5"
        link.symlink_to(path.resolve())
        return load_model(link)


def _copy(model: Any) -> Any:
    """A copy of a Keras model, since export changes precision and layers."""
    import keras

    try:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    except Exception as error:  # of a subclass of keras.Model anything, also from its own code
        raise ModelError(f"export takes a Sequential or functional Keras model, built: {brief(error)}") from error
    return compute_in_float32(copy)


def image_size(model: Any, name: object) -> tuple[int, int]:
    """Height and width of the model's input."""
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ModelError(f"{name} expects {shapes}; export takes one image (batch, height, width, 3) of fixed size")
    return int(shapes[0][1]), int(shapes[0][2])


def expect_pixels(model: Any, input_range: str) -> Any:
    """The same network after a Rescaling layer, so that it expects pixels 0..255; layers and weights are shared."""
    import keras

    sequential = isinstance(model, keras.Sequential)
    if not sequential and isinstance(model.output, dict) and len(model.outputs) == 1:  # {"labels": scores}
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    scale, offset = RANGES[input_range]
    if (scale, offset) == (1.0, 0.0):
        return model
    image = keras.Input(tuple(model.inputs[0].shape[1:]))
    scaled = keras.layers.Rescaling(scale, offset, name="to_model_range")(image)
    if not sequential:
        return keras.Model(image, model(scaled), name=model.name)
    return copy_network(model, image, scaled)  # flat, so that each layer can be examined and repaired


def find_photos(folder: Path, labels: tuple[str, ...]) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Calibration and held-out photos, drawn with a fixed seed; labels are read from folder names like `red_dress`.

    Of files with the same bytes the first is used, so that no copy of a calibration photo evaluates.
    """
    unique: dict[str, Path] = {}
    for file in find_images(folder):
        unique.setdefault(digest(file), file)
    if not unique:
        raise UsageError(f"{folder} holds no photo; name a folder of pictures like those the model was trained on")
    photos = [_to_photo(file, folder, labels) for file in unique.values()]
    order = np.random.default_rng(SEED).permutation(len(photos)).tolist()
    held_out = set(order[: len(photos) // HELD_OUT])
    chosen = tuple(photo for i, photo in enumerate(photos) if i in held_out)
    rest = [i for i in order if i not in held_out][:MAX_CALIBRATION]
    return tuple(photos[i] for i in rest), chosen


def _to_photo(file: Path, folder: Path, labels: tuple[str, ...]) -> Photo:
    """A photo with the labels of the nearest folder that is named by labels alone, or none."""
    place = file.relative_to(folder)
    for name in (parent.name for parent in place.parents if parent.name):
        shown, unknown = read_folder_name(name, labels)
        if shown and not unknown:
            return Photo(place.as_posix(), shown)
        if shown:
            fix = "name it by labels alone, or by none if its photos show none of them"
            which = f"{unknown[0]!r}, which is not in --labels {','.join(labels)}"
            raise DatasetError(f"folder {name!r} of {folder} names {which}; {fix}")
    return Photo(place.as_posix(), ())


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's saved_model.pb."""
    return hashlib.sha256((path / FILE if path.is_dir() else path).read_bytes()).hexdigest()
