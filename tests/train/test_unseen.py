"""Photos in other colours than their own, where the palette knows few of them."""

import json
import shutil

import pytest

from fashion_train.cli import main

pytestmark = pytest.mark.slow


def test_a_set_of_one_colour_that_is_known_among_others_is_trained_and_has_nothing_recoloured(shapes, tmp_path):
    for known, unknown in (("red_dress", "brindle_dress"), ("red_shirt", "brindle_shirt")):
        shutil.copytree(shapes / known, tmp_path / "photos" / known)
        shutil.copytree(shapes / "blue_dress", tmp_path / "photos" / unknown)
    quick = ["--epochs", "1", "--teacher-epochs", "0", "--size", "32", "--batch", "8", "--no-baseline"]
    assert main(["--dataset", str(tmp_path / "photos"), "--out", str(tmp_path / "run"), *quick]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recoloured"] == {}
