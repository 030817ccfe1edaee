"""The networks, and the teacher's weights."""

import hashlib
import pickle

import numpy as np
import pytest

from fashion_edge.errors import FashionError
from fashion_train.networks import find_architecture
from fashion_train.networks.efficientnet_lite0 import find_weights, read_tensors

pytestmark = pytest.mark.slow


def test_smallervgg_is_the_tutorials_network():
    model = find_architecture("smallervgg").build((96, 96), 6)
    assert model.count_params() == 8_679_302
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[0] == "Rescaling"
    assert kinds[1:6] == ["Conv2D", "ReLU", "BatchNormalization", "MaxPooling2D", "Dropout"]
    assert kinds[-6:] == ["Flatten", "Dense", "ReLU", "BatchNormalization", "Dropout", "Dense"]


def test_compact_normalises_before_every_relu6_and_is_small():
    model = find_architecture("compact").build((96, 96), 6)
    assert model.count_params() < 300_000
    names = [layer.name for layer in model.layers]
    activations = [layer for layer in model.layers if type(layer).__name__ == "ReLU"]
    assert {layer.max_value for layer in activations} == {6}
    assert all(f"{layer.name.removesuffix('_relu6')}_bn" in names for layer in activations)


@pytest.mark.parametrize("name", ["compact", "smallervgg"])
@pytest.mark.parametrize(("task", "total"), [("multi-label", None), ("single-label", 1.0)])
def test_scores_are_sigmoid_or_softmax(name, task, total):
    model = find_architecture(name).build((32, 32), 3, task)
    scores = np.asarray(model(np.full((2, 32, 32, 3), 128, np.float32)))
    assert scores.shape == (2, 3)
    assert ((scores > 0) & (scores < 1)).all()
    if total:
        assert scores.sum(axis=1) == pytest.approx([total] * 2, abs=1e-5)


def test_the_same_seed_builds_the_same_weights():
    build = find_architecture("compact").build
    one, same, other = (build((32, 32), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_the_teachers_weights_are_read_without_torch():
    tensors = read_tensors(find_weights())
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert (tensors["_bn1.running_var"] > 0).all()


def test_a_weights_file_that_is_another_or_runs_code_is_refused(tmp_path):
    data = pickle.dumps(print)
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(FashionError, match="is not the published weights file"):
        read_tensors(tmp_path / "w.pth")
    with pytest.raises(pickle.UnpicklingError, match="is not allowed in a weights file"):
        read_tensors(tmp_path / "w.pth", hashlib.sha256(data).hexdigest())
