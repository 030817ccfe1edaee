"""Run folders are checked before anything is converted, and a bad one gives one sentence."""

import json

import pytest

from fashion_edge.errors import FashionError, ModelError
from fashion_export.calibration import load_inputs
from fashion_export.source import check_model, keras_scores, load_model, load_run


def change_facts(run, **changes):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | changes))


def error_of(run, dataset=None) -> str:
    with pytest.raises(FashionError) as caught:
        load_run(run, dataset)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_run_is_read(untrained_run, tmp_path):
    source = load_run(untrained_run)
    assert (source.name, source.model_name, source.root) == ("untrained", "model.keras", tmp_path / "photos")
    assert (len(source.calibration), len(source.validation)) == (12, 8)
    assert load_run(untrained_run, tmp_path / "moved").root == tmp_path / "moved"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 2}', '{"schema": 1}'])
def test_missing_or_damaged_run_json_is_refused(untrained_run, tmp_path, text):
    assert "has no run.json" in error_of(tmp_path)
    (untrained_run / "run.json").write_text(text)
    assert "run.json" in error_of(untrained_run)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": {"val": {}}}, "metrics[...]: object missing required field photos"),
        ({"metrics": {"val": 1}}, "metrics[...]: expected object, got int"),
        ({"negatives": {"val": {"photos": 3, "silent": "all"}}}, "negatives[...].silent: expected float, got str"),
        ({"recoloured": ["red shirt"]}, "recoloured: expected object | null, got array"),
        ({"baseline": {"metrics": {"val": {"photos": 40}}}}, "baseline.metrics[...]: object missing required field"),
        ({"seed": "abc"}, "seed: expected int, got str"),
        ({"seed": -1}, "seed: expected int >= 0"),
        ({"model": {"file": "../model.keras", "sha256": ""}}, "model must name a file of the run folder"),
        ({"dataset": {}}, "does not name the root of the photos; name it with --dataset DIR"),
        ({"thresholds": {}}, "thresholds must"),
    ],
)
def test_value_out_of_range_is_refused(untrained_run, changes, words):
    change_facts(untrained_run, **changes)
    assert words in error_of(untrained_run)


HELD_OUT = "blue_dress/000.png"  # a validation photo


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("calibration.csv", "file,labels\n", f"file,labels\n{HELD_OUT},blue dress\n", HELD_OUT),
        ("split.csv", ",g0\n", ",g1\n", "duplicates"),  # row 0 is a validation photo, row 1 a calibration photo
        *(
            ("calibration.csv", "file,labels\n", f'file,labels\n"{name}",red shirt\n', "not a file below")
            for name in ("../../etc/passwd", "/etc/passwd", "")
        ),
        ("calibration.csv", "file,labels\n", "photo,labels\n", "has no column 'file'"),
        ("calibration.csv", "file,labels\n", "file,labels\na.png\n", "cut short"),
    ],
)
def test_csv_files_that_cannot_be_used_are_refused(untrained_run, file, old, new, words):
    text = (untrained_run / file).read_text()
    assert old in text
    (untrained_run / file).write_text(text.replace(old, new))
    assert words in error_of(untrained_run)


def test_photos_that_cannot_be_found_are_an_error_with_a_hint(untrained_run):
    source = load_run(untrained_run)
    with pytest.raises(FashionError, match="none of the photos could be read, .* --dataset DIR"):
        load_inputs(source.root, source.calibration, source.space.labels, source.spec)


def test_missing_or_changed_model_file_is_refused(untrained_run):
    (untrained_run / "model.keras").write_bytes(b"cut")
    with pytest.raises(ModelError, match="cut short or replaced"):
        load_run(untrained_run).load()
    (untrained_run / "model.keras").unlink()
    with pytest.raises(ModelError, match="is missing"):
        load_run(untrained_run).load()


@pytest.mark.slow
def test_damaged_model_file_is_refused(untrained_run):
    with pytest.raises(ModelError, match="does not load in safe mode"):
        load_model(untrained_run / "model.keras")


def small(n_outputs=1, n_labels=4, height=48, activation="sigmoid"):
    import keras

    image = keras.layers.Input((height, 40, 3))
    x = keras.layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, [keras.layers.Dense(n_labels, activation=activation)(x) for _ in range(n_outputs)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"n_labels": 3}, r"returns \(3,\) scores for 4 labels"),
        ({"height": 32}, r"expects \(32, 40, 3\), the run says \(48, 40, 3\)"),
        ({"n_outputs": 2}, "1 inputs and 2 outputs"),
    ],
)
def test_model_with_other_shapes_is_refused(untrained_run, shape, words):
    source = load_run(untrained_run)
    with pytest.raises(ModelError, match=words):
        check_model(small(**shape), source.spec, 4, "model.keras")


@pytest.mark.slow
def test_model_without_a_sigmoid_is_refused():
    import numpy as np

    pixels = np.full((1, 48, 40, 3), 255, np.uint8)
    model = small(activation=None)
    model.layers[-1].set_weights([np.ones((3, 4)), np.zeros(4)])
    with pytest.raises(ModelError, match="its last layer must be a sigmoid"):
        keras_scores(model, pixels)
