"""Checkpoints that belong to another training, or that are damaged, are refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.errors import RunError
from fashion_train.fit.checkpoints import (
    Checkpoint,
    can_resume,
    find_interrupted,
    identify_fit,
    load_checkpoint,
    save_checkpoint,
)
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.results import Epoch

WEIGHTS = [np.zeros(2)]
CHECKPOINT = Checkpoint((Epoch(1, 0.1, 0.9, 0.1, 0.9, 0.9, 1e-3, 100.0, 1.0),), WEIGHTS, 1, WEIGHTS)


def test_a_checkpoint_belongs_to_all_that_decides_the_weights(shapes, things, prepare_photos):
    def identity(size=(48, 48), **changes):
        options = TrainOptions(shapes, shapes / "unused", find_recipe("default"), **changes)
        return identify_fit(options, prepare_photos(shapes, size, **changes))

    same = identity()
    assert identity(target_precision=0.9, baseline=True) == same
    others = [
        identity(size=(48, 64)),  # convolutions accept pictures of any size: the weights would load
        identity(holdout=("red_dress",)),
        identity(negatives=things),
        identity(fit="pad"),
        identity(seed=7),
        identity(limit=10),
        identity(task="single-label"),
    ]
    assert len({same, *others}) == 8


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "checkpoint.npz"
    save_checkpoint(file, CHECKPOINT, "mine")
    found = load_checkpoint(file, "mine")
    assert found.history == CHECKPOINT.history
    assert found.best_epoch == 1
    with pytest.raises(RunError, match="belongs to other photos or options"):
        load_checkpoint(file, "yours")


def test_a_training_whose_loss_was_not_finite_can_be_resumed(tmp_path):
    file = tmp_path / "checkpoint.npz"
    epoch = replace(CHECKPOINT.history[0], loss=math.inf, val_loss=math.nan)
    save_checkpoint(file, replace(CHECKPOINT, history=(epoch,)), "mine")
    (found,) = load_checkpoint(file, "mine").history
    assert math.isnan(found.loss)
    assert math.isnan(found.val_loss)
    assert replace(found, loss=0, val_loss=0) == replace(epoch, loss=0, val_loss=0)


@pytest.mark.parametrize("changed", [{"history": [{"epoch": 1, "momentum": 0.9}]}, {"best_epoch": None}])
def test_a_damaged_checkpoint_or_one_of_another_version_is_refused_in_one_sentence(tmp_path, changed):
    file = tmp_path / "checkpoint.npz"
    file.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(file, "x")
    save_checkpoint(file, CHECKPOINT, "same")
    with np.load(file) as data:
        meta = json.loads(data["meta"].tobytes()) | changed
        others = {name: data[name] for name in data.files if name != "meta"}
    np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **others)
    with pytest.raises(RunError, match="cannot be read .*; run again without --resume"):
        load_checkpoint(file, "same")


def test_the_newest_interrupted_run_is_found_by_its_checkpoint(tmp_path):
    assert find_interrupted(tmp_path) is None
    (tmp_path / ".first.network.npz").touch()
    (tmp_path / ".other.part-1.npz").touch()  # a file that was not finished
    assert find_interrupted(tmp_path) == tmp_path / "first"
    assert can_resume(tmp_path / "first")
    assert not can_resume(tmp_path / "other")
