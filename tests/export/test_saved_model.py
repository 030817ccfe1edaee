"""SavedModel folders are programs; they may only compute."""

from contextlib import contextmanager

import numpy as np
import pytest

from fashion_edge.errors import ModelError
from fashion_export.saved_model import ALLOWED, open_saved_model

pytestmark = pytest.mark.slow

SIZE = 32
PIXELS = np.full((1, SIZE, SIZE, 3), 51, np.float32)


@pytest.fixture
def mean_colour(tf):
    return lambda image: {"scores": tf.reduce_mean(tf.cast(image, tf.float32), axis=(1, 2)) / 255}


@pytest.fixture
def save_module(tf, mean_colour, tmp_path):
    """Save a tf.Module whose signature computes scores from an image; returns the folder."""

    def save(call=mean_colour, kind="float32", endpoint="serving_default", **more):
        module = tf.Module()
        module.call = tf.function(call, input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), kind)])
        for name, value in more.items():
            setattr(module, name, value)
        tf.saved_model.save(module, str(tmp_path / "saved"), signatures={endpoint: module.call})
        return tmp_path / "saved"

    return save


@pytest.fixture
def export_keras(tmp_path):
    """Export a Keras model as a SavedModel; returns the folder."""

    def export(model):
        model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
        return tmp_path / "saved"

    return export


@contextmanager
def edit_proto(folder):
    """The protocol buffer of a SavedModel, written back at the end."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    proto = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    yield proto
    (folder / "saved_model.pb").write_bytes(proto.SerializeToString())


def print_to(tf, file):
    return tf.print("it ran", output_stream=f"file://{file}")


def save_to(tf, file):
    return tf.raw_ops.SaveV2(prefix=str(file), tensor_names=["x"], shape_and_slices=[""], tensors=[tf.zeros(1)])


def read_lines(tf, _):
    return tf.data.TextLineDataset("/etc/passwd").reduce("", lambda all_lines, line: all_lines + line)


@pytest.mark.parametrize(
    ("work", "operator"), [(print_to, "PrintV2"), (save_to, "SaveV2"), (read_lines, "FlatMapDataset")]
)
def test_model_that_reads_or_writes_files_is_refused_and_does_not_run(
    tf, save_module, mean_colour, tmp_path, work, operator
):
    def call(image):
        with tf.control_dependencies([work(tf, tmp_path / "it-ran")]):
            return mean_colour(image)

    words = f"is refused: its graph uses {operator}, which is not an operator that only computes"
    with pytest.raises(ModelError, match=words):
        open_saved_model(save_module(call))(PIXELS)
    assert not list(tmp_path.glob("it-ran*"))


def test_table_that_is_filled_from_a_file_on_load_is_refused(tf, save_module, tmp_path):
    (tmp_path / "words").write_text("red\n")
    key, value = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    filler = tf.lookup.TextFileInitializer(str(tmp_path / "words"), tf.string, key, tf.int64, value)
    with pytest.raises(ModelError, match="its graph uses HashTableV2"):
        open_saved_model(save_module(table=tf.lookup.StaticHashTable(filler, -1)))


def test_functions_that_only_the_saver_calls_are_left_out(save_module):
    """The main graph of the file writes when a variable is restored; that graph is never run."""
    folder = save_module()
    with edit_proto(folder) as proto:
        library = proto.meta_graphs[0].graph_def.library
        saver = next(function for function in library.function if "traced_save" in function.signature.name)
        saver.node_def.add(name="evil", op="WriteFile")
    assert np.allclose(open_saved_model(folder)(PIXELS), 0.2)


def test_file_of_tensorflow_1_is_refused(save_module):
    folder = save_module()
    with edit_proto(folder) as proto:
        proto.meta_graphs[0].ClearField("object_graph_def")
    with pytest.raises(ModelError, match="was not saved by TensorFlow 2"):
        open_saved_model(folder)


def own_layers(keras):
    layers = keras.layers
    image = x = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(x))
    x = layers.BatchNormalization()(x)
    x = layers.SeparableConv2D(4, 3, activation="swish")(layers.ZeroPadding2D()(x))
    x = layers.Dropout(0.2)(layers.MaxPooling2D()(x))
    x = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(4, activation="softmax")(x))


def mobile_net(keras):
    return keras.applications.MobileNetV2((SIZE, SIZE, 3), 0.35, weights=None, classes=4)


@pytest.mark.parametrize("make", [own_layers, mobile_net])
def test_models_exported_by_keras_compute_the_same(keras, export_keras, make):
    model = make(keras)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    assert np.allclose(open_saved_model(export_keras(model))(pixels), model(pixels), atol=1e-5)


# Keras 3.15 passes the training mode of Resizing on to the batch norm
@pytest.mark.parametrize(("first", "settings"), [("RandomRotation", [0.1]), ("Resizing", [24, 24])])
def test_model_exported_in_training_mode_is_refused(keras, export_keras, first, settings):
    layers = keras.layers
    front = getattr(layers, first)(*settings)
    after = [layers.BatchNormalization(), layers.GlobalAveragePooling2D(), layers.Dense(4)]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), front, *after])
    with pytest.raises(ModelError, match="returns other scores each time .* save it as a .keras or .h5 file"):
        open_saved_model(export_keras(model))


@pytest.mark.parametrize(
    ("kind", "endpoint", "outputs", "sentence"),
    [
        ("uint8", "serving_default", 1, "expects uint8, not float32"),
        ("float32", "classify", 1, "has no signature 'serving_default' but classify"),
        ("float32", "serving_default", 2, "has 1 inputs and 2 outputs; export takes one image in and one row"),
    ],
)
def test_signature_that_does_not_match_is_named(save_module, mean_colour, kind, endpoint, outputs, sentence):
    def call(image):
        return {f"scores{i}": mean_colour(image)["scores"] + i for i in range(outputs)}

    with pytest.raises(ModelError, match=sentence):
        open_saved_model(save_module(call, kind, endpoint))


def test_module_with_branches_and_loops_computes(tf, save_module):
    scale = tf.Variable(2.0)

    def call(image):
        rows = tf.map_fn(lambda one: tf.reduce_mean(tf.image.resize(one, (8, 8)), axis=(0, 1)), image)
        rows = tf.cond(tf.reduce_max(rows) > 1, lambda: rows / 255, lambda: rows)
        return {"scores": rows * scale}

    assert np.allclose(open_saved_model(save_module(call, scale=scale))(PIXELS), 0.4)


def test_every_allowed_name_is_an_operator(tf):
    assert [name for name in ALLOWED if not hasattr(tf.raw_ops, name)] == []
