"""Repairing keeps what a network computes, and removes what int8 cannot represent."""

import numpy as np
import pytest

from fashion_edge.images import find_images, read_image
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_export.repair import batch_norm, examine, read_graph, repair
from fashion_export.source import keras_scores, load_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pixels(photos):
    files = list(find_images(photos))[::4]
    return np.stack([preprocess(read_image(file), InputSpec(48, 40)) for file in files])


@pytest.fixture
def dead_units(dead_units_run):
    """A network with a batch norm whose units never fire."""
    return load_model(dead_units_run / "model.keras")


def test_network_without_findings_is_not_changed(trained_run, pixels):
    model = load_model(trained_run / "model.keras")
    repaired = repair(model, pixels)
    assert repaired.model is model
    assert repaired.findings == repaired.steps == ()


def test_batch_norm_with_dead_units_is_repaired_in_a_copy_that_computes_the_same(dead_units, pixels):
    before = keras_scores(dead_units, pixels)
    repaired = repair(dead_units, pixels)
    assert repaired.findings[0].layer == "norm"
    assert repaired.findings[0].ratio > 100
    assert "norm" not in [finding.layer for finding in repaired.remaining]
    step = next(step for step in repaired.steps if step.startswith("norm: "))
    assert int(step.split()[1]) >= 5  # those that were set, and those that died in training
    assert "of 48 units that never fire made constant, scales" in step
    assert step.endswith("moved into wide")
    scale, _ = batch_norm(repaired.model.get_layer("norm"))
    assert set(np.abs(scale).round(5).tolist()) == {0.0, 1.0}, "one after a ReLU, zero for dead units"
    assert np.array_equal(keras_scores(dead_units, pixels), before)
    assert np.abs(keras_scores(repaired.model, pixels) - before).max() == pytest.approx(repaired.change)
    assert repaired.change < 1e-3


def test_repair_that_changes_the_scores_is_undone(dead_units, pixels, monkeypatch):
    monkeypatch.setattr("fashion_export.repair.MAX_CHANGE", 0.0)
    repaired = repair(dead_units, pixels)
    assert repaired.model is dead_units
    assert "undone" in repaired.steps[0]


def unbalanced(activation, dead=False):
    """Two dense layers with channels between them that differ a thousandfold."""
    import keras

    image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Dense(16, activation=activation, name="first")(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="sigmoid", name="second")(x))
    first, second = model.get_layer("first"), model.get_layer("second")
    factor = np.ones(16)
    factor[0] = 1000
    first.kernel.assign(np.random.default_rng(1).normal(0, 0.1, first.kernel.shape) / factor)
    if dead:
        first.bias.assign(np.where(factor > 1, -1e3, 0))
    second.kernel.assign(np.array(second.kernel) * factor[:, None])
    return model


@pytest.mark.parametrize(
    ("activation", "dead", "equalized"),
    [("relu", False, True), ("relu", True, True), ("relu6", False, False), ("sigmoid", False, False)],
)
def test_channel_ranges_are_equalized_across_a_homogeneous_activation(activation, dead, equalized):
    """Also those of a channel that never fires, and so has no range."""
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    repaired = repair(unbalanced(activation, dead), images)
    assert [finding.layer for finding in repaired.findings] == ["second"]
    assert [finding.layer for finding in repaired.remaining] == ([] if equalized else ["second"])
    assert bool(repaired.steps) is equalized
    assert repaired.change < 1e-5


def test_paths_end_at_a_fork(keras):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    a, b = keras.layers.ReLU(name="a")(x), keras.layers.ReLU(name="b")(x)
    graph = read_graph(keras.Model(image, keras.layers.Add(name="join")([a, b])))
    assert list(graph.forward("conv")) == []
    assert list(graph.backward("join")) == []
    assert graph.after["conv"] == ("a", "b")
    assert examine(graph) == []
