"""A tiny network, trained for seconds on drawn pictures, in a run folder as docs/run.md describes it."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

LABELS = ("blue", "dress", "red", "shirt")
GROUPS = {"colour": ["blue", "red"], "garment": ["dress", "shirt"]}
COLOURS = {"red": (200, 30, 30), "blue": (30, 40, 200)}
HEIGHT, WIDTH = 48, 40
PIXELS = {"channels": "RGB", "dtype": "uint8", "layout": "NHWC", "fit": "stretch"}
PER_PAIR = 40  # photos of each colour and garment


def draw(colour: str, garment: str, rng: np.random.Generator) -> np.ndarray:
    """An (h, w, 3) RGB picture: a shirt has constant width, a dress widens."""
    size = 80
    image = rng.integers(150, 255, 3) + rng.normal(0, 6, (size, size, 3))
    rows, columns = np.mgrid[0:size, 0:size]
    middle, top, bottom = rng.integers(35, 45), rng.integers(8, 16), rng.integers(62, 72)
    half = 18 if garment == "shirt" else 5 + (rows - top) * 0.45
    inside = (rows >= top) & (rows < bottom) & (abs(columns - middle) < half)
    image[inside] = np.array(COLOURS[colour]) + rng.normal(0, 14, (int(inside.sum()), 3))
    return image.clip(0, 255).astype(np.uint8)


def write_photos(root: Path, per_pair: int) -> None:
    """Write the pictures that `make_rows` lists."""
    from PIL import Image

    rng = np.random.default_rng(7)
    for row in make_rows(per_pair):
        (root / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        colour, garment = row["file"].split("/")[0].split("_")
        Image.fromarray(draw(colour, garment, rng)).save(root / row["file"])


def make_rows(per_pair: int) -> list[dict[str, str]]:
    """Rows of split.csv, every fourth of them validation."""
    pairs = [(colour, garment, i) for colour in COLOURS for garment in ("dress", "shirt") for i in range(per_pair)]
    return [
        {
            "file": f"{colour}_{garment}/{i:03d}.png",
            "labels": " ".join(sorted((colour, garment))),
            "split": "val" if i % 4 == 0 else "train",
            "duplicate_group": f"g{number}",
        }
        for number, (colour, garment, i) in enumerate(pairs)
    ]


def write_csv(path: Path, rows: list[dict[str, str]], *columns: str) -> None:
    lines = [columns, *([row[column] for column in columns] for row in rows)]
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def tiny_network(n_labels: int = len(LABELS)):
    import keras

    layers = keras.layers
    image = x = layers.Input((HEIGHT, WIDTH, 3))
    x = layers.Rescaling(1 / 127.5, -1)(x)
    for filters in (12, 24):
        x = layers.SeparableConv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.ReLU(6)(x)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return keras.Model(image, layers.Dense(n_labels, activation="sigmoid")(x))


def vgg_network(n_labels: int = len(LABELS)):
    """The tutorial's order of layers: batch norm after the ReLU, a wide dense layer, dropout."""
    import keras

    layers = keras.layers
    convolution = [layers.Conv2D(8, 3, padding="same"), layers.Activation("relu")]
    convolution += [layers.BatchNormalization(momentum=0.8), layers.MaxPooling2D(6), layers.Dropout(0.1)]
    dense = [layers.Flatten(), layers.Dense(48, name="wide"), layers.Activation("relu")]
    dense += [layers.BatchNormalization(momentum=0.8, name="norm"), layers.Dropout(0.1)]
    scores = layers.Dense(n_labels, activation="sigmoid", name="scores")
    return keras.Sequential([layers.Input((HEIGHT, WIDTH, 3)), layers.Rescaling(1 / 255), *convolution, *dense, scores])


def kill_units(model, count: int) -> None:
    """Let units of `wide` never fire, with a batch-norm scale even larger than training gives such units."""
    wide, norm, scores = (model.get_layer(name) for name in ("wide", "norm", "scores"))
    values = ((wide.bias, -1e4), (norm.moving_variance, 6e-6), (norm.moving_mean, 0), (norm.gamma, 30))
    for variable, value in (*values, (norm.beta, 0), (scores.kernel, 1)):
        changed = np.array(variable)
        changed[:count] = value
        variable.assign(changed)


def train(model, root: Path, rows: list[dict[str, str]], epochs: int) -> None:
    import keras

    from fashion_edge.images import read_image
    from fashion_edge.preprocess import InputSpec, preprocess

    spec, chosen = InputSpec(HEIGHT, WIDTH), [row for row in rows if row["split"] == "train"]
    x = np.stack([preprocess(read_image(root / row["file"]), spec) for row in chosen]).astype(np.float32)
    y = np.array([[label in row["labels"].split() for label in LABELS] for row in chosen], np.float32)
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy")
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)


def write_run(folder: Path, model, rows: list[dict[str, str]], root: Path) -> None:
    folder.mkdir(parents=True)
    if model is None:
        (folder / "model.keras").write_bytes(b"not a model")
    else:
        model.save(folder / "model.keras")
    write_csv(folder / "split.csv", rows, "file", "labels", "split", "duplicate_group")
    calibration = [row for row in rows if row["split"] == "train"][::2]
    write_csv(folder / "calibration.csv", calibration, "file", "labels")
    facts = {
        "schema": 1,
        "created": "2026-01-01T00:00:00+00:00",
        "labels": list(LABELS),
        "groups": GROUPS,
        "thresholds": dict.fromkeys(LABELS, 0.5),
        "input": {"height": HEIGHT, "width": WIDTH, **PIXELS},
        "model": {
            "file": "model.keras",
            "sha256": hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest(),
            "arch": "tiny",
            "parameters": model.count_params() if model else 1,
        },
        "dataset": {"root": str(root), "sha256": "0" * 64, "photos": len(rows), "counts": {"blue dress": 40}},
        "metrics": {"val": {"photos": 40, "label_accuracy": 1.0, "exact_match": 1.0}},
        "negatives": {"val": {"photos": 30, "silent": 0.9, "by_group": {}}},
        "recoloured": {"red shirt": {"trained_on": 0, "copies": 20, "exact_match": 0.85}},
        "baseline": {
            "recipe": "tutorial",
            "metrics": {"val": {"photos": 40, "label_accuracy": 0.97, "exact_match": 0.875}},
            "negatives": {"val": {"photos": 30, "silent": 0.16, "by_group": {}}},
        },
        "seed": 1,
        "versions": {},
        "command": f"fashion-train --dataset {root}",
    }
    (folder / "run.json").write_text(json.dumps(facts))


@pytest.fixture(scope="session")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="session")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture
def run_export(tmp_path: Path, capsys):
    """Run the command, by default into tmp_path / "out", and check its exit status; returns its standard error."""
    from fashion_export.cli import main

    def call(*args: object, status: int = 0) -> str:
        assert main(["--out", str(tmp_path / "out"), *map(str, args)]) == status
        return capsys.readouterr().err

    return call


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """A folder of 160 pictures that tests must not change."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    write_photos(folder, PER_PAIR)
    return folder


def make_trained_run(folder: Path, photos: Path, network, seed: int, epochs: int, dead_units: int = 0) -> Path:
    import keras

    keras.utils.set_random_seed(seed)
    model = network()
    train(model, photos, make_rows(PER_PAIR), epochs)
    if dead_units:
        kill_units(model, dead_units)
    write_run(folder, model, make_rows(PER_PAIR), photos)
    return folder


@pytest.fixture(scope="session")
def trained_run(photos: Path, tmp_path_factory) -> Path:
    """A trained run that tests must not change."""
    return make_trained_run(tmp_path_factory.mktemp("tiny") / "runs" / "tiny", photos, tiny_network, 3, 25)


@pytest.fixture(scope="session")
def dead_units_run(photos: Path, tmp_path_factory) -> Path:
    """A trained run whose network has dead units with scales that int8 cannot represent."""
    return make_trained_run(tmp_path_factory.mktemp("dead") / "runs" / "dead", photos, vgg_network, 5, 15, 5)


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may change."""
    return Path(shutil.copytree(trained_run, tmp_path / "runs" / "tiny"))


@pytest.fixture
def untrained_run(tmp_path: Path) -> Path:
    """A run without a model and photos, for what is refused before either is read."""
    write_run(tmp_path / "runs" / "untrained", None, make_rows(8), tmp_path / "photos")
    return tmp_path / "runs" / "untrained"


@pytest.fixture(scope="session")
def bundle_folder(trained_run: Path, tmp_path_factory) -> Path:
    """The standard bundle of the trained run, made by the command."""
    from fashion_export.cli import main

    out = tmp_path_factory.mktemp("bundles") / "tiny"
    assert main(["--int8", str(trained_run), "--out", str(out)]) == 0
    return out
