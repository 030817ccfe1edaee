"""Keras models that fashion-train did not make."""

import pickle
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.errors import DatasetError, UsageError
from fashion_export.cli import main
from fashion_export.foreign import eat_pixels, find_photos, open_any, scales_pixels
from fashion_export.labels import parse_groups, parse_labels
from fashion_export.source import keras_scores, load_model

pytestmark = pytest.mark.slow

LABELS = "blue,dress,red,shirt"


@pytest.fixture
def photos(trained_run):
    return trained_run.parent.parent / "photos"


@pytest.fixture
def foreign_args(photos, tmp_path):
    return ["--labels", LABELS, "--calibration", str(photos), "--tflite-only", "--out", str(tmp_path / "out")]


def unscaled(model):
    """The network without its Rescaling layer: eats 0..1, as the tutorial's does."""
    import keras

    copy = keras.Sequential(
        [keras.Input((48, 40, 3)), *[type(x).from_config(x.get_config()) for x in model.layers[1:]]]
    )
    copy.set_weights(model.get_weights())
    return copy


@pytest.fixture
def sequential(sick_run):
    return unscaled(load_model(sick_run / "model.keras"))


def check_bundle(folder):
    bundle = load_bundle(folder)
    assert bundle.manifest.space.labels == ("blue", "dress", "red", "shirt")
    assert bundle.manifest.variants[0].metrics["keras_exact_match"] > 0.9
    assert bundle.manifest.variants[0].metrics["flip_rate"] < 0.02


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "fashion.model"])
def test_a_keras_file_an_h5_file_and_the_tutorials_pair(sequential, photos, tmp_path, name):
    """The pair is an HDF5 file without a suffix, and a pickled MultiLabelBinarizer beside it."""
    from sklearn.preprocessing import MultiLabelBinarizer

    path = tmp_path / name
    sequential.save(tmp_path / ("model.h5" if name == "fashion.model" else name))
    if name == "fashion.model":
        shutil.move(tmp_path / "model.h5", path)
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(MultiLabelBinarizer().fit([LABELS.split(",")])))
    flags = ["--labels", str(tmp_path / "mlb.pickle"), "--input-range", "0..1", "--tflite-only"]
    out = tmp_path / "out"
    assert main(["--model", str(path), *flags, "--calibration", str(photos), "--out", str(out)]) == 0
    check_bundle(out)


def test_a_saved_model(trained_run, foreign_args, tmp_path):
    load_model(trained_run / "model.keras").export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    assert main(["--model", str(tmp_path / "saved"), "--input-range", "0..255", *foreign_args]) == 0
    check_bundle(tmp_path / "out")


def test_a_model_in_the_current_folder_gives_its_bundle_the_folders_name(photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "summer").mkdir()
    (tmp_path / "summer" / "bundles" / "summer").mkdir(parents=True)
    (tmp_path / "summer" / "bundles" / "summer" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "summer")
    assert main(["--model", ".", "--labels", LABELS, "--calibration", str(photos)]) == 2
    assert "bundles/summer exists already" in capsys.readouterr().err


def test_a_saved_model_that_writes_files_is_refused(foreign_args, tmp_path, capsys):
    import tensorflow as tf

    module = tf.Module()

    def call(image):
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "it-ran"), "x")]):
            return {"scores": tf.reduce_mean(image, axis=(1, 2))}

    module.call = tf.function(call, input_signature=[tf.TensorSpec((None, 48, 40, 3))])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": module.call})
    assert main(["--model", str(tmp_path / "saved"), "--input-range", "0..255", *foreign_args]) == 2
    assert "WriteFile" in capsys.readouterr().err
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_with_code_in_it_is_refused(foreign_args, tmp_path, suffix, capsys):
    import keras

    image = keras.Input((48, 40, 3))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda t: t / 255)(image))
    keras.Model(image, keras.layers.Dense(4, activation="sigmoid")(x)).save(tmp_path / f"model.{suffix}")
    assert main(["--model", str(tmp_path / f"model.{suffix}"), "--input-range", "0..1", *foreign_args]) == 2
    assert "does not load in safe mode" in capsys.readouterr().err


def test_a_model_trained_in_mixed_precision_computes_in_float32(photos, foreign_args, tmp_path):
    """TFLite has no operators for the halves that it was trained in."""
    import keras

    half, layers = "mixed_float16", keras.layers
    body = keras.Sequential([keras.Input((48, 40, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, dtype=half)])
    scores = layers.Dense(4, activation="sigmoid")
    model = keras.Sequential([body, layers.GlobalAveragePooling2D(dtype=half), scores])
    model.save(tmp_path / "model.keras")
    assert main(["--model", str(tmp_path / "model.keras"), *foreign_args, "--max-flips", "100"]) == 0
    assert load_bundle(tmp_path / "out").manifest.variants[0].metrics["drift_max"] < 0.02


def rescaling(scale):
    import keras

    return keras.layers.Rescaling(scale)


def normalization(mean, variance):
    import keras

    return keras.layers.Normalization(mean=mean, variance=variance)


@pytest.mark.parametrize(
    ("make", "pixels"),
    [
        (lambda: rescaling(1 / 127.5), True),
        (lambda: rescaling([1 / 58, 1 / 57, 1 / 57]), True),
        (lambda: rescaling(255.0), False),
        (lambda: rescaling(2.0), False),
        (lambda: normalization([124.0, 116.0, 104.0], [3400.0, 3300.0, 3300.0]), True),
        (lambda: normalization([0.48, 0.46, 0.41], [0.05, 0.05, 0.05]), False),
    ],
)
def test_a_layer_that_scales_0_to_1_does_not_eat_pixels(make, pixels):
    import keras

    inside = keras.Sequential([keras.Input((8, 8, 3)), make()])
    model = keras.Sequential([keras.Input((8, 8, 3)), inside, keras.layers.Flatten()])
    assert any(map(scales_pixels, model._flatten_layers())) is pixels


def test_a_saved_model_is_not_said_to_lack_a_rescaling_layer(trained_run, foreign_args, tmp_path, capsys):
    load_model(trained_run / "model.keras").export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    assert main(["--model", str(tmp_path / "saved"), *foreign_args]) == 2
    assert "is a SavedModel, whose layers cannot be seen" in capsys.readouterr().err


def test_bgr_models_are_fed_bgr(sequential, foreign_args, tmp_path):
    sequential.save(tmp_path / "model.keras")
    flags = ["--model", str(tmp_path / "model.keras"), "--input-range", "0..1", "--channels", "BGR"]
    main([*flags, *foreign_args, "--max-flips", "100", "--max-accuracy-drop", "100"])
    bundle = load_bundle(tmp_path / "out")
    assert bundle.manifest.input.channels == "BGR"
    assert bundle.manifest.variants[0].metrics["keras_exact_match"] < 0.5  # it was trained on RGB


def test_the_scaled_copy_computes_what_the_model_does(sequential):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 48, 40, 3), np.uint8)
    expected = np.asarray(sequential(pixels / np.float32(255)))
    assert np.allclose(keras_scores(eat_pixels(sequential, "0..1"), pixels), expected, atol=1e-5)


@pytest.mark.parametrize("value_range", ["0..255", "0..1"])
def test_scores_that_stand_under_a_name_are_found(value_range):
    import keras

    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(4, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model({"image": image}, {"labels": scores})
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert keras_scores(eat_pixels(model, value_range), pixels).shape == (2, 4)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--labels", "a,b,c", "--input-range", "0..1"], "3 labels"),
        (["--labels", LABELS], "--input-range"),
        (["--labels", "red,red,a,b", "--input-range", "0..1"], "different words"),
        (["--labels", "nowhere.pickle", "--input-range", "0..1"], "does not exist"),
        (["--labels", LABELS, "--group", "colour=red,green"], "--group"),
    ],
)
def test_what_was_said_of_a_model_is_checked(sequential, photos, tmp_path, flags, reason, capsys):
    sequential.save(tmp_path / "model.keras")
    out = tmp_path / "out"
    args = ["--model", str(tmp_path / "model.keras"), "--calibration", str(photos), "--out", str(out), *flags]
    assert main(args) == 2
    assert reason in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    "args",
    [
        ["--model", "m.keras"],
        ["--model", "m.keras", "--labels", "a,b"],
        ["--labels", "a,b"],
        ["--calibration", "x"],
        ["run", "--model", "m.keras"],
        ["--tflite-only", "--onnx-only"],
        ["--int8", "--all"],
        ["--max-flips", "-1"],
        ["--io", "int4"],
    ],
)
def test_flags_that_do_not_fit_are_refused(args, capsys):
    assert main(args) == 2
    assert capsys.readouterr().err.startswith("fashion-export: ")


def test_every_fifth_photo_is_held_out_and_folders_name_labels(photos):
    calibration, held_out = find_photos(photos, tuple(LABELS.split(",")))
    assert (len(calibration), len(held_out)) == (128, 32)
    assert not {photo.file for photo in calibration} & {photo.file for photo in held_out}
    assert all(set(photo.labels) == set(photo.file.split("/")[0].split("_")) for photo in held_out)


def test_a_copy_under_another_name_is_taken_once(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    for i in range(10):
        shutil.copy(folder / "red_dress" / f"{i:03d}.png", folder / f"copy{i}.png")
    calibration, held_out = find_photos(folder, tuple(LABELS.split(",")))
    assert len(calibration) + len(held_out) == 160


def test_photos_of_no_known_folder_have_no_label(photos):
    _, held_out = find_photos(photos, ("cat", "dog"))
    assert {photo.labels for photo in held_out} == {()}


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("red_dress", {"red", "dress"}),
        ("Red_Dress", {"red", "dress"}),
        ("red_dress/outdoors", {"red", "dress"}),
        ("train/red_dress", {"red", "dress"}),
        ("cars", set()),
    ],
)
def test_a_photo_shows_what_the_nearest_folder_of_labels_says(tmp_path, place, shown):
    (tmp_path / place).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / place / "1.png"), np.zeros((8, 8, 3), np.uint8))
    ((photo,), _) = find_photos(tmp_path, tuple(LABELS.split(",")))
    assert set(photo.labels) == shown


def test_a_folder_named_by_a_label_and_something_else_is_refused(tmp_path):
    (tmp_path / "red_drss").mkdir()
    cv2.imwrite(str(tmp_path / "red_drss" / "1.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DatasetError, match="'red_drss' .* names 'drss', which is none of --labels"):
        find_photos(tmp_path, tuple(LABELS.split(",")))


def test_a_text_file_is_not_taken_for_a_label(tmp_path):
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    with pytest.raises(UsageError, match=r"labels.txt is a file, but none of .pickle, .* name the labels themselves"):
        parse_labels(str(tmp_path / "labels.txt"))


def test_labels_and_groups_of_the_command_line():
    assert parse_labels("red, blue") == ("red", "blue")
    assert len(parse_labels(",".join(f"label {i}" for i in range(500)))) == 500  # longer than the name of any file
    assert parse_groups(["colour=red,blue"], ("red", "blue", "dress")) == {"colour": ("red", "blue")}


def test_an_h5_file_is_known_by_its_first_bytes_not_its_name(sequential, tmp_path):
    sequential.save(tmp_path / "a.h5")
    shutil.move(tmp_path / "a.h5", tmp_path / "model.weird")
    assert open_any(tmp_path / "model.weird").count_params() == sequential.count_params()


def test_help_loads_no_heavy_library():
    heavy = "{'tensorflow', 'keras', 'numpy', 'cv2', 'rich'}"
    code = f"import sys, fashion_export.cli as c; c.main(['--help']); print(*{heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("word", ["..", "re\td", "x" * 256, " ".join(["red"] * 500)])
def test_words_that_no_bundle_can_carry_are_refused_before_anything_is_converted(word):
    with pytest.raises(UsageError, match="--labels has .*, which no bundle can carry"):
        parse_labels(f"blue,{word}")
    with pytest.raises(UsageError, match="--group has .*, which no bundle can carry"):
        parse_groups([f"{word}=red,blue"], ("red", "blue"))
