"""Keras models that fashion-train did not train."""

import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.errors import DatasetError, ModelError, OutputExistsError
from fashion_export import export
from fashion_export.external import expect_pixels, find_photos, scales_pixels
from fashion_export.source import keras_scores, load_model

LABELS = "blue,dress,red,shirt"


@pytest.fixture
def export_model(photos, tmp_path, run_export):
    """Export a model, or the model in a file, with the labels of the photos; returns standard error."""

    def call(model, *flags, status=0):
        if not isinstance(model, Path):
            model.save(tmp_path / "model.keras")
            model = tmp_path / "model.keras"
        data = ["--labels", LABELS, "--dataset", photos]
        return run_export("--model", model, *data, "--tflite-only", *flags, status=status)

    return call


def unscaled(model):
    """The network without its Rescaling layer: expects 0..1, as the tutorial's does."""
    import keras

    layers = [type(layer).from_config(layer.get_config()) for layer in model.layers[1:]]
    copy = keras.Sequential([keras.Input((48, 40, 3)), *layers])
    copy.set_weights(model.get_weights())
    return copy


@pytest.fixture
def sequential(dead_units_run):
    return unscaled(load_model(dead_units_run / "model.keras"))


def check_bundle(folder):
    bundle = load_bundle(folder)
    assert bundle.manifest.space.labels == ("blue", "dress", "red", "shirt")
    assert bundle.manifest.variants[0].metrics["keras_exact_match"] > 0.9
    assert bundle.manifest.variants[0].metrics["flip_rate"] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "fashion.model"])
def test_keras_file_h5_file_and_the_files_of_the_tutorial(sequential, export_model, tmp_path, name):
    """The tutorial has an HDF5 file without a suffix, and a pickled MultiLabelBinarizer."""
    from sklearn.preprocessing import MultiLabelBinarizer

    path = tmp_path / name
    sequential.save(tmp_path / ("model.h5" if name == "fashion.model" else name))
    if name == "fashion.model":
        shutil.move(tmp_path / "model.h5", path)
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(MultiLabelBinarizer().fit([LABELS.split(",")])))
    export_model(path, "--labels", tmp_path / "mlb.pickle", "--input-range", "0..1")
    check_bundle(tmp_path / "out")


@pytest.mark.slow
def test_saved_model_needs_an_input_range(trained_run, export_model, tmp_path):
    folder = tmp_path / "saved"
    load_model(trained_run / "model.keras").export(folder, format="tf_saved_model", verbose=False)
    assert "is a SavedModel, whose layers cannot be inspected" in export_model(folder, status=2)
    export_model(folder, "--input-range", "0..255")
    check_bundle(tmp_path / "out")


def test_bundle_of_a_model_in_the_working_directory_has_its_name(tmp_path, monkeypatch):
    folder = tmp_path / "summer"
    (folder / "bundles" / "summer").mkdir(parents=True)
    (folder / "bundles" / "summer" / "manifest.json").write_text("{}")
    monkeypatch.chdir(folder)
    with pytest.raises(OutputExistsError, match="bundles/summer exists already"):
        export(".", labels=["red"], dataset=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_model_that_contains_code_is_refused(keras, export_model, tmp_path, suffix):
    image = keras.Input((48, 40, 3))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda t: t / 255)(image))
    keras.Model(image, keras.layers.Dense(4, activation="sigmoid")(x)).save(tmp_path / f"model.{suffix}")
    assert "does not load in safe mode" in export_model(tmp_path / f"model.{suffix}", "--input-range", "0..1", status=2)


@pytest.mark.slow
def test_model_trained_in_mixed_precision_computes_in_float32(keras, export_model, tmp_path):
    """TFLite has no operators for half precision."""
    half, layers = "mixed_float16", keras.layers
    body = keras.Sequential([keras.Input((48, 40, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, dtype=half)])
    scores = layers.Dense(4, activation="sigmoid")
    model = keras.Sequential([body, layers.GlobalAveragePooling2D(dtype=half), scores])
    export_model(model, "--max-flips", "100")
    assert load_bundle(tmp_path / "out").manifest.variants[0].metrics["drift_max"] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "settings", "scales"),
    [
        ("Rescaling", {"scale": 1 / 127.5}, True),
        ("Rescaling", {"scale": [1 / 58, 1 / 57, 1 / 57]}, True),
        ("Rescaling", {"scale": 255.0}, False),
        ("Rescaling", {"scale": 2.0}, False),
        ("Normalization", {"mean": [124.0, 116.0, 104.0], "variance": [3400.0, 3300.0, 3300.0]}, True),
        ("Normalization", {"mean": [0.48, 0.46, 0.41], "variance": [0.05, 0.05, 0.05]}, False),
    ],
)
def test_layer_that_scales_0_to_1_does_not_scale_pixels(keras, layer, settings, scales):
    model = keras.Sequential([keras.Input((8, 8, 3)), getattr(keras.layers, layer)(**settings)])
    assert scales_pixels(model.layers[0]) is scales


@pytest.mark.slow
def test_bgr_models_get_bgr(sequential, export_model, tmp_path):
    limits = ["--max-flips", "100", "--max-accuracy-drop", "100"]
    export_model(sequential, "--input-range", "0..1", "--channels", "BGR", *limits)
    bundle = load_bundle(tmp_path / "out")
    assert bundle.manifest.input.channels == "BGR"
    assert bundle.manifest.variants[0].metrics["keras_exact_match"] < 0.5  # it was trained on RGB


@pytest.mark.slow
@pytest.mark.parametrize("value_range", ["0..255", "0..1"])
def test_scores_in_a_dictionary_are_found(keras, value_range):
    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(4, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model({"image": image}, {"labels": scores})
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert keras_scores(expect_pixels(model, value_range), pixels).shape == (2, 4)


def test_every_fifth_photo_is_held_out_copies_are_used_once_and_folders_name_labels(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    for i in range(10):
        shutil.copy(folder / "red_dress" / f"{i:03d}.png", folder / "red_dress" / f"copy{i}.png")
    calibration, held_out = find_photos(folder, tuple(LABELS.split(",")))
    assert (len(calibration), len(held_out)) == (128, 32)
    assert not {photo.file for photo in calibration} & {photo.file for photo in held_out}
    assert all(set(photo.labels) == set(photo.file.split("/")[0].split("_")) for photo in held_out)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("red_dress", {"red", "dress"}),
        ("Red_Dress", {"red", "dress"}),
        ("red_dress/outdoors", {"red", "dress"}),
        ("train/red_dress", {"red", "dress"}),
        ("cars", set()),
        ("red_drss", None),
    ],
)
def test_labels_of_a_photo_are_those_of_the_nearest_folder(tmp_path, place, shown):
    (tmp_path / place).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / place / "1.png"), np.zeros((8, 8, 3), np.uint8))
    if shown is None:
        with pytest.raises(DatasetError, match="'red_drss' .* names 'drss', which is not in --labels"):
            find_photos(tmp_path, tuple(LABELS.split(",")))
    else:
        ((photo,), _) = find_photos(tmp_path, tuple(LABELS.split(",")))
        assert set(photo.labels) == shown


@pytest.mark.slow
def test_keras_model_in_memory_is_exported_and_not_changed(sequential, photos, tmp_path):
    before = [weights.copy() for weights in sequential.get_weights()]
    options = {"labels": LABELS.split(","), "groups": {"colour": ("blue", "red")}, "input_range": "0..1"}
    bundle = export(sequential, tmp_path / "out", dataset=photos, runtimes=["litert"], **options)
    check_bundle(bundle.path)
    assert bundle.manifest.space.groups == {"colour": ("blue", "red")}
    assert all(np.array_equal(*pair) for pair in zip(before, sequential.get_weights(), strict=True))


@pytest.mark.slow
def test_subclassed_model_is_refused(keras, photos, tmp_path):
    class Own(keras.Model):
        pass

    with pytest.raises(ModelError, match="export takes "):
        export(Own(), tmp_path / "out", labels=["red"], dataset=photos)
