"""Small data sets for the training tests: coloured shapes, so that no test needs a photo."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_render import render_photo


def fill(root: Path, combinations, each):
    for number, name in enumerate(combinations):
        colour, garment = name.split("_")
        rng = np.random.default_rng(number)
        (root / name).mkdir(parents=True)
        for index in range(each):
            cv2.imwrite(str(root / name / f"{index:03d}.png"), render_photo(rng, garment, colour, 96, 72))
    return root


def pytest_ignore_collect(collection_path, config):
    """Import no module of slow tests alone where those are left out: it would load TensorFlow."""
    if "not slow" in config.getoption("markexpr") and collection_path.name.startswith("test_"):
        return True if "\npytestmark = pytest.mark.slow\n" in collection_path.read_text() else None
    return None


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """Three combinations of two garments and two colours, sixteen pictures of each."""
    return fill(tmp_path_factory.mktemp("shapes"), ("red_dress", "blue_dress", "red_shirt"), 16)


@pytest.fixture(scope="session")
def crossed(tmp_path_factory):
    """Two colours by two garments, twelve pictures of each: every combination can be left out."""
    return fill(tmp_path_factory.mktemp("crossed"), ("blue_dress", "blue_shirt", "red_dress", "red_shirt"), 12)


@pytest.fixture(scope="session")
def things(tmp_path_factory):
    """Pictures that show no garment: discs and noise."""
    root = tmp_path_factory.mktemp("things")
    rng = np.random.default_rng(9)
    for index in range(12):
        picture = np.full((80, 60, 3), 255, np.uint8)
        cv2.circle(picture, (30, 40), int(rng.integers(8, 20)), rng.integers(0, 255, 3).tolist(), -1)
        cv2.imwrite(str(root / f"{index}.png"), picture)
    return root


@pytest.fixture(scope="session")
def colourless(tmp_path_factory):
    """Noise in three combinations of labels that name no colour, fourteen pictures of each."""
    root = tmp_path_factory.mktemp("colourless")
    for number, name in enumerate(("größ_kreis", "klein_kreis", "klein_面")):
        (root / name).mkdir()
        for index in range(14):
            noise = np.random.default_rng([number, index]).integers(0, 255, (9, 9, 3), np.uint8)
            (root / name / f"{index}.png").write_bytes(cv2.imencode(".png", cv2.resize(noise, (60, 60)))[1])
    return root


@pytest.fixture
def run_train(tmp_path, capsys):
    """Run the command, by default into tmp_path / "run", and check its exit status; returns its standard error."""
    from fashion_train.cli import main

    def call(dataset, *flags, status=0):
        assert main(["--dataset", str(dataset), "--out", str(tmp_path / "run"), *map(str, flags)]) == status
        return capsys.readouterr().err

    return call


@pytest.fixture(scope="session")
def prepare_photos():
    """Decode and split a data set for a network of 48 x 48 pixels."""
    from fashion_train.data.prepare import prepare
    from fashion_train.options import TrainOptions, find_recipe

    def call(dataset, size=(48, 48), recipe=None, **options):
        return prepare(TrainOptions(dataset, Path("unused"), recipe or find_recipe("default"), **options), size)

    return call


@pytest.fixture(scope="session")
def prepared(shapes, prepare_photos):
    """The shapes, decoded and split."""
    return prepare_photos(shapes)
