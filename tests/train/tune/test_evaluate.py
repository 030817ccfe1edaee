"""Metrics of decisions, and pictures that are read in chunks."""

import warnings

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_train.data import cache
from fashion_train.data.cache import PixelStore
from fashion_train.data.dataset import encode
from fashion_train.tune.evaluate import make_predict, measure, measure_background, score

LABELS = ("blue", "dress", "red", "shirt")
SPACE = LabelSpace(LABELS, {"colour": ("blue", "red"), "garment": ("dress", "shirt")}, dict.fromkeys(LABELS, 0.5))


def test_exact_match_needs_every_label_and_label_accuracy_counts_each():
    targets = encode([("red", "dress"), ("blue", "shirt")], SPACE.labels)
    scores = np.array([[0.1, 0.9, 0.8, 0.2], [0.4, 0.1, 0.1, 0.9]], np.float32)
    metrics = measure(scores, targets, SPACE)
    assert metrics.exact_match == 0.5
    assert metrics.label_accuracy == 7 / 8
    assert metrics.per_combination == {"blue shirt": 0.0, "red dress": 1.0}
    assert metrics.per_label["blue"] == {"precision": None, "recall": 0.0, "f1": 0.0}  # it was never decided


def test_a_label_without_a_photo_has_no_metrics():
    with pytest.raises(ValueError, match="at least one photo"):
        measure(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32), SPACE)
    targets = encode([("red", "dress"), ("blue", "dress")], SPACE.labels)
    metrics = measure(targets, targets, SPACE)
    assert metrics.per_label["shirt"] == {"precision": None, "recall": None, "f1": None}
    assert metrics.to_json()["per_label"]["dress"]["f1"] == 1


def test_abstention_on_background_images_is_counted_for_all_groups_and_each():
    scores = np.array([[0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1]], np.float32)
    result = measure_background(scores, SPACE)
    assert result.abstained == 0.5
    assert result.by_group == {"colour": 0.5, "garment": 1.0}


def test_rounding_a_figure_of_run_json_again_does_not_change_it():
    right = np.zeros((206, 6), np.float32)
    wrong = right.copy()
    wrong[0] = 0.9  # 1,230 of 1,236: 99.515 % to three places, 99.51 % to two
    labels = ("black", "blue", "dress", "jeans", "red", "shirt")
    metrics = measure(wrong, right, LabelSpace(labels, {}, dict.fromkeys(labels, 0.5)))
    assert f"{metrics.to_json()['label_accuracy']:.2%}" == f"{metrics.label_accuracy:.2%}" == "99.51%"


def test_stored_pictures_are_scored_in_order_and_in_chunks(monkeypatch):
    monkeypatch.setattr(cache, "CHUNK", 4)
    store, sizes = PixelStore((2, 2, 3)), []

    def predict(pictures):
        sizes.append(len(pictures))
        return pictures.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] / 255

    for shade in range(10):
        store.write(shade, np.full((2, 2, 3), shade, np.uint8))
    scores = score(predict, store, [9, 0, 3, 4, 5, 8, 1])
    assert (scores[:, 0] * 255).round().tolist() == [9, 0, 3, 4, 5, 8, 1]
    assert sizes == [4, 3]


def test_the_file_of_a_store_is_closed_with_the_store():
    with warnings.catch_warnings(record=True, action="always") as caught:
        PixelStore((2, 2, 3))
    assert not caught


@pytest.mark.slow
def test_several_networks_one_after_the_other_cause_no_advice_from_tensorflow(monkeypatch):
    import keras
    import tensorflow as tf

    messages = []
    monkeypatch.setattr(tf.get_logger(), "callHandlers", lambda record: messages.append(record.getMessage()))
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    for _ in range(6):
        make_predict(keras.Sequential([keras.layers.Input((32, 32, 3)), keras.layers.Flatten()]))(pictures)
    tf.get_logger().warning("something else")
    assert messages == ["something else"]
