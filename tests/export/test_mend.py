"""Mending keeps what a network computes, and takes from int8 what it cannot hold."""

import numpy as np
import pytest

from fashion_edge.images import find_images, read_image
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_export.graph import batch_norm, is_homogeneous, read_graph
from fashion_export.repair import examine, mend
from fashion_export.source import keras_scores, load_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pixels(trained_run):
    photos = list(find_images(trained_run.parent.parent / "photos"))[::4]
    return np.stack([preprocess(read_image(photo), InputSpec(48, 40)) for photo in photos])


def test_a_healthy_network_is_left_alone(trained_run, pixels):
    model = load_model(trained_run / "model.keras")
    mending = mend(model, pixels)
    assert mending.model is model
    assert mending.findings == mending.deeds == ()


def test_a_sick_batch_norm_is_named_first_and_mended(sick_run, pixels):
    model = load_model(sick_run / "model.keras")
    mending = mend(model, pixels)
    assert mending.findings[0].layer == "sick"
    assert mending.findings[0].ratio > 100
    assert "sick" not in [finding.layer for finding in mending.remaining]
    deed = next(deed for deed in mending.deeds if deed.startswith("sick: "))
    assert int(deed.split()[1]) >= 5  # those that were killed, and those that died in training
    assert "of 48 units that never fire made constant, scales" in deed
    assert deed.endswith("moved into wide")


def test_the_mended_copy_computes_the_same_and_the_original_is_untouched(sick_run, pixels):
    model = load_model(sick_run / "model.keras")
    before = keras_scores(model, pixels)
    mending = mend(model, pixels)
    assert np.array_equal(keras_scores(model, pixels), before)
    assert np.abs(keras_scores(mending.model, pixels) - before).max() == pytest.approx(mending.change)
    assert mending.change < 1e-3


def test_scales_behind_a_relu_end_at_one_and_dead_units_at_zero(sick_run, pixels):
    mended = mend(load_model(sick_run / "model.keras"), pixels).model
    scale, _ = batch_norm(mended.get_layer("sick"))
    assert set(np.abs(scale).round(5).tolist()) == {0.0, 1.0}


def test_a_mend_that_changes_the_scores_is_undone(sick_run, pixels, monkeypatch):
    monkeypatch.setattr("fashion_export.repair.MAX_CHANGE", 0.0)
    model = load_model(sick_run / "model.keras")
    mending = mend(model, pixels)
    assert mending.model is model
    assert "undone" in mending.deeds[0]


def unbalanced(activation, silent=False):
    """Two dense layers whose channels between them differ a thousandfold."""
    import keras

    image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Dense(16, activation=activation, name="first")(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="sigmoid", name="second")(x))
    first, second = model.get_layer("first"), model.get_layer("second")
    factor = np.ones(16)
    factor[0] = 1000
    first.kernel.assign(np.random.default_rng(1).normal(0, 0.1, first.kernel.shape) / factor)
    if silent:
        first.bias.assign(np.where(factor > 1, -1e3, 0))
    second.kernel.assign(np.array(second.kernel) * factor[:, None])
    return model


@pytest.mark.parametrize("silent", [False, True])
def test_channel_ranges_are_shared_across_a_relu(silent):
    """Also those of a channel that never fires, and so has no range of its own."""
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    mending = mend(unbalanced("relu", silent), images)
    assert [finding.layer for finding in mending.findings] == ["second"]
    assert mending.remaining == ()
    assert mending.change < 1e-5


def test_nothing_is_shared_across_a_relu6_which_lets_no_factor_through():
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    mending = mend(unbalanced("relu6"), images)
    assert mending.deeds == ()
    assert [finding.layer for finding in mending.remaining] == ["second"]


def test_which_layers_let_a_positive_factor_through():
    from keras import layers

    assert is_homogeneous(layers.ReLU())
    assert not is_homogeneous(layers.ReLU(6))
    assert is_homogeneous(layers.Activation("relu"))
    assert is_homogeneous(layers.Dense(2))
    assert not is_homogeneous(layers.Dense(2, activation="sigmoid"))


def test_paths_end_where_a_graph_forks():
    import keras

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    a, b = keras.layers.ReLU(name="a")(x), keras.layers.ReLU(name="b")(x)
    graph = read_graph(keras.Model(image, keras.layers.Add(name="join")([a, b])))
    assert list(graph.forward("conv")) == []
    assert list(graph.backward("join")) == []
    assert graph.after["conv"] == ("a", "b")
    assert examine(graph) == []
