"""A Keras model that fashion-train did not make: brought to pixels 0..255 in, and given labels and photos."""

import hashlib
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import DatasetError, ModelError, UsageError, brief
from fashion_edge.images import find_images, read_folder_name
from fashion_edge.preprocess import InputSpec
from fashion_export.calibration import Photo
from fashion_export.graph import copy_network, kind
from fashion_export.saved_model import ENDPOINT, FILE, check_signatures, copy_pure
from fashion_export.source import Source, load_model

RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}  # of what the model eats
HELD_OUT = 5  # every fifth photo judges, the others calibrate
SEED = 0
MOST = 300  # calibration photos; more only cost time
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Foreign:
    """What a user says of a model."""

    model: Path
    labels: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    calibration: Path
    value_range: str | None  # a key of RANGES; None: the model must scale its input itself
    channels: str = "RGB"

    @property
    def name(self) -> str:
        """What the bundle is called after it, `.` included."""
        return self.model.resolve().stem


def load_foreign(foreign: Foreign) -> Source:
    """The source of a foreign model; its input size is read from the file.

    Raises:
        ModelError: no Keras model, code inside, or an input that is no image of fixed size.
        UsageError: no calibration photo, a group of unknown labels, or an input range that must be named.
        DatasetError: a folder of photos is named by a label and by something else.
    """
    if not foreign.calibration.is_dir():
        raise UsageError(f"{foreign.calibration} is not a folder of photos; name one with --calibration")
    model = open_any(foreign.model)
    height, width = image_size(model, foreign.model)
    if foreign.value_range is None and not any(map(scales_pixels, model._flatten_layers())):
        seen = "is a SavedModel, whose layers cannot be seen" if foreign.model.is_dir() else "has no layer for pixels"
        raise UsageError(
            f"{foreign.model} {seen}, so name what its input was scaled to: --input-range 0..1 or -1..1, or 0..255 "
            "where it scales pixels itself"
        )
    calibration, validation = find_photos(foreign.calibration, foreign.labels)
    thresholds = dict.fromkeys(foreign.labels, 0.5)
    return Source(
        name=foreign.name,
        model_file=foreign.model,
        space=LabelSpace(foreign.labels, foreign.groups, thresholds),
        spec=InputSpec(height, width, channels=foreign.channels),
        root=foreign.calibration,
        calibration=calibration,
        validation=validation,
        facts={"model": {"arch": model.name, "parameters": model.count_params(), "sha256": digest(foreign.model)}},
        load=partial(eat_pixels, model, foreign.value_range or "0..255"),
    )


def scales_pixels(layer: Any) -> bool:
    """Whether a layer brings pixels 0..255 to what a network likes; one that eats 0..1 has a larger scale.

    Behind Rescaling(1/255) the scale of the next one does not matter, so that one such layer is enough.
    """
    if kind(layer) == "Rescaling":
        return bool(np.max(np.abs(layer.scale)) < 0.1)
    return kind(layer) == "Normalization" and bool(np.max(layer.variance) > 1)


def open_any(path: Path) -> Any:
    """Load a .keras file, an HDF5 file whatever its name, or a SavedModel folder.

    Raises:
        ModelError: none of these, damaged, or holding code.
    """
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


def open_saved_model(path: Path) -> Any:
    """A SavedModel folder as a Keras model of one layer; its health cannot be examined, its graph may only compute.

    Raises:
        ModelError: no SavedModel, no default signature with one image, or an operator that may reach past the model.
    """
    if not (path / FILE).is_file():
        raise ModelError(f"{path} holds no {FILE}; name a SavedModel folder, a .keras file or an HDF5 file")
    import keras
    import tensorflow as tf

    try:
        with tempfile.TemporaryDirectory() as copy:
            copy_pure(path, Path(copy))
            signatures = tf.saved_model.load(copy).signatures
            wanted, name = check_signatures(signatures, path)
            layer = keras.layers.TFSMLayer(copy, call_endpoint=ENDPOINT)
        image = keras.Input(tuple(wanted.shape[1:]))
        return keras.Model(image, layer(image)[name], name=path.resolve().name)
    except ModelError:
        raise
    except Exception as error:  # protobuf, TensorFlow and Keras share no class of error
        raise ModelError(
            f"{path} is not a SavedModel with one image in and one row of scores out: {brief(error)}"
        ) from error


def image_size(model: Any, path: Path) -> tuple[int, int]:
    """Height and width that the model eats.

    Raises:
        ModelError: several inputs, or one that is not (batch, height, width, 3) of fixed size.
    """
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ModelError(f"{path} eats {shapes}; export takes one image (batch, height, width, 3) of fixed size")
    return int(shapes[0][1]), int(shapes[0][2])


def eat_pixels(model: Any, value_range: str) -> Any:
    """The same network behind a Rescaling layer, so that it eats pixels 0..255; layers and weights are shared."""
    import keras

    sequential = isinstance(model, keras.Sequential)
    if not sequential and isinstance(model.output, dict) and len(model.outputs) == 1:  # {"labels": scores}
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    scale, offset = RANGES[value_range]
    if (scale, offset) == (1.0, 0.0):
        return model
    image = keras.Input(tuple(model.inputs[0].shape[1:]))
    scaled = keras.layers.Rescaling(scale, offset, name="to_model_range")(image)
    if not sequential:
        return keras.Model(image, model(scaled), name=model.name)
    return copy_network(model, image, scaled)  # flat, so that the health check sees each layer


def find_photos(folder: Path, labels: tuple[str, ...]) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Calibration and held-out photos, drawn by a fixed seed; labels are read from folder names like `red_dress`.

    Of files with the same bytes the first is taken: no copy of a calibration photo may judge.

    Raises:
        UsageError: no photo there.
        DatasetError: a folder named by a label and by something else: what its photos show is not known.
    """
    unique: dict[str, Path] = {}
    for file in find_images(folder):
        unique.setdefault(digest(file), file)
    files = list(unique.values())
    if not files:
        raise UsageError(f"{folder} holds no photo; name a folder of pictures like those the model was trained on")
    photos = [_photo(file, folder, labels) for file in files]
    order = np.random.default_rng(SEED).permutation(len(photos))
    held_out = {int(i) for i in order[: len(photos) // HELD_OUT]}
    chosen = tuple(photo for i, photo in enumerate(photos) if i in held_out)
    rest = [int(i) for i in order if int(i) not in held_out][:MOST]
    return tuple(photos[i] for i in rest), chosen


def _photo(file: Path, folder: Path, labels: tuple[str, ...]) -> Photo:
    """The nearest folder that is named by labels alone says what the photo shows; without one it shows none of them."""
    place = file.relative_to(folder)
    for name in (parent.name for parent in place.parents if parent.name):
        shown, strange = read_folder_name(name, labels)
        if shown and not strange:
            return Photo(place.as_posix(), shown)
        if shown:
            raise DatasetError(
                f"folder {name!r} of {folder} names {strange[0]!r}, which is none of --labels {','.join(labels)}; "
                "name it by labels alone, or by none where its photos show none of them"
            )
    return Photo(place.as_posix(), ())


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's saved_model.pb."""
    return hashlib.sha256((path / FILE if path.is_dir() else path).read_bytes()).hexdigest()
