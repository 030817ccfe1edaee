"""However many photos there are to judge, few are held at once."""

import numpy as np
import pytest

from fashion_train.data import cache
from fashion_train.data.cache import PixelStore
from fashion_train.data.prepare import prepare
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.tune.calibration import TuningSet
from fashion_train.tune.evaluate import judge, score

pytestmark = pytest.mark.slow

PART = 4


class Brightness:
    """Stands for a network of one label; remembers how many pictures it was given at a time."""

    def __init__(self):
        self.given = []

    def __call__(self, pictures):
        self.given.append(len(pictures))
        return pictures.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] / 255


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(cache, "PART", PART)


def test_stored_pictures_are_scored_in_their_order_a_few_at_a_time():
    store, predict = PixelStore((2, 2, 3)), Brightness()
    for shade in range(10):
        store.write(shade, np.full((2, 2, 3), shade, np.uint8))
    scores = score(predict, store, [9, 0, 3, 4, 5, 8, 1])
    assert (scores[:, 0] * 255).round().tolist() == [9, 0, 3, 4, 5, 8, 1]
    assert predict.given == [4, 3]
    store.close()


def test_photos_negatives_and_recoloured_copies_are_never_held_together(shapes, things, tmp_path):
    options = TrainOptions(shapes, tmp_path / "run", find_recipe("default"), negatives=things)
    prepared, predict = prepare(options, (32, 32), lambda *_: None), Brightness()
    tuning = TuningSet.gather(options, prepared)
    scores = tuning.score(predict)
    assert len(scores) == len(tuning.targets) > len(prepared.on("val")) + len(prepared.negatives.on("val"))
    assert max(predict.given) <= PART
    assert tuning.has_unnamed, "a third of the copies is of a colour without a label"
    photos = score(predict, prepared.decoded.exact, prepared.on("val"))
    assert scores[: len(photos)].tolist() == photos.tolist()


def test_no_cloth_is_without_a_label_where_none_was_to_be_taught(shapes, tmp_path):
    options = TrainOptions(shapes, tmp_path / "run", find_recipe("default", unknown_colours=0.0))
    assert not TuningSet.gather(options, prepare(options, (32, 32), lambda *_: None)).has_unnamed


def test_a_network_is_judged_on_few_photos_at_a_time(shapes, tmp_path):
    options = TrainOptions(shapes, tmp_path / "run", find_recipe("default"))
    prepared, predict = prepare(options, (32, 32), lambda *_: None), Brightness()
    all_labels = len(prepared.dataset.labels)
    judgement = judge(lambda pictures: predict(pictures).repeat(all_labels, 1), prepared, prepared.untuned)
    assert max(predict.given) <= PART < sum(predict.given)
    assert len(judgement.scores["val"]) == len(prepared.on("val"))
