"""From the photos on disk to the sides of the split."""

import shutil
from pathlib import Path

import pytest

from fashion_edge.errors import DatasetError, UsageError
from fashion_train.data.prepare import prepare
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.report.report import _data_sections
from fashion_train.report.run_folder import choose_calibration
from fashion_train.train import _say_what_there_is
from fashion_train.tune.metrics import measure

pytestmark = pytest.mark.slow


def prepared(dataset, negatives=None):
    options = TrainOptions(dataset, Path("unused"), find_recipe("default"), negatives=negatives)
    return prepare(options, (48, 48), lambda *_: None)


@pytest.mark.parametrize("kinds", [1, 12])
def test_no_copy_of_a_negative_that_judges_is_trained_on(shapes, things, tmp_path, kinds):
    pictures = sorted(things.iterdir())
    for kind in range(kinds):
        (tmp_path / f"kind{kind}").mkdir()
        for number in range(12):  # each kind shares its pictures with all others
            shutil.copy(pictures[number], tmp_path / f"kind{kind}" / f"{number}.png")
            shutil.copy(pictures[number], tmp_path / f"kind{kind}" / f"{number}-copy.png")
    found = prepared(shapes, tmp_path).negatives
    sides = {}
    for index in found.decoded.readable:
        sides.setdefault(found.decoded.content_hashes[index], set()).add(found.sides[index])
    assert all(len(there) == 1 for there in sides.values())


def test_a_negative_that_is_a_labelled_photo_is_refused(shapes, things, tmp_path):
    folder = shutil.copytree(things, tmp_path / "things")
    shutil.copy(shapes / "red_dress" / "000.png", folder / "mine.png")
    with pytest.raises(UsageError, match=r"--negatives holds mine\.png, the same picture as red_dress/000\.png"):
        prepared(shapes, folder)


def test_a_negative_may_be_a_photo_that_a_csv_gives_no_label(shapes, things, tmp_path):
    shutil.copytree(shapes, tmp_path / "photos")
    shutil.copy(things / "0.png", tmp_path / "photos" / "thing.png")
    files = sorted(path.relative_to(tmp_path / "photos").as_posix() for path in (tmp_path / "photos").rglob("*.png"))
    rows = [f"{file},{file.split('/')[0].replace('_', ' ') if '/' in file else ''}" for file in files]
    (tmp_path / "photos" / "photos.csv").write_text("\n".join(["file,labels", *rows]) + "\n")
    assert prepared(tmp_path / "photos" / "photos.csv", things).negatives


@pytest.mark.parametrize("kinds", [1, 12])
def test_a_photo_without_a_label_and_the_negative_that_it_is_stay_on_one_side(shapes, things, tmp_path, kinds):
    shutil.copytree(shapes, tmp_path / "photos")
    for number, thing in enumerate(sorted(things.iterdir())):
        for place in ("photos/thing", f"other/kind{number % kinds}"):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(thing, tmp_path / place)
    files = [file.relative_to(tmp_path / "photos").as_posix() for file in sorted((tmp_path / "photos").rglob("*.png"))]
    rows = [f"{file},{file.split('/')[0].replace('_', ' ').replace('thing', '')}" for file in files]
    (tmp_path / "photos" / "photos.csv").write_text("\n".join(["file,labels", *rows]) + "\n")
    found = prepared(tmp_path / "photos" / "photos.csv", tmp_path / "other")
    for side in ("train", "val", "test"):
        photos = {found.decoded.content_hashes[index] for index in found.on(side)}
        same = {found.negatives.decoded.content_hashes[index] for index in found.negatives.on(side)}
        assert same
        assert same <= photos


def test_copies_with_other_labels_and_what_can_be_read_are_told(shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    shutil.copy(folder / "red_dress" / "000.png", folder / "blue_dress" / "copy.png")
    (folder / "blue_dress" / "broken.png").write_bytes(b"no picture")
    found = prepared(folder)
    ((one, other),) = found.contradictions
    assert {one.file, other.file} == {"red_dress/000.png", "blue_dress/copy.png"}
    assert found.counts == {"blue dress": 17, "red dress": 16, "red shirt": 16}
    assert not prepared(shapes).contradictions


def test_what_no_photo_could_tell_is_no_failure(shapes):
    found = prepared(shapes)
    rows = [index for index in found.decoded.readable if "shirt" not in found.dataset.photos[index].labels]
    metrics = measure(found.targets[rows], found.targets[rows], found.untuned)
    assert metrics.per_label["shirt"] == {"precision": None, "recall": None, "f1": None}
    assert metrics.to_json()["per_label"]["dress"]["f1"] == 1


def test_frames_of_one_video_are_refused_for_what_they_are_and_those_of_several_are_divided(shapes, tmp_path):
    for name in ("red_dress", "blue_dress"):
        (tmp_path / name).mkdir()
        for frame in range(20):
            shutil.copy(shapes / name / "000.png", tmp_path / name / f"{frame}.png")
    with pytest.raises(
        DatasetError,
        match="40 readable photos leave none for val; the 20 of blue dress are near-duplicates .*: add photos of other",
    ):
        prepared(tmp_path)
    for name in ("red_dress", "blue_dress"):
        for frame in range(20):
            shutil.copy(shapes / name / f"00{1 + frame % 2}.png", tmp_path / name / f"later{frame}.png")
    found = prepared(tmp_path)
    assert [len(found.on(side)) for side in ("train", "val", "test")] == [40, 20, 20]


def test_a_combination_that_is_one_burst_is_said_before_training_and_in_the_report(shapes, tmp_path, capsys):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    (folder / "blue_shirt").mkdir()
    for frame in range(9):
        shutil.copy(shapes / "blue_dress" / "000.png", folder / "blue_shirt" / f"{frame}.png")
    shutil.rmtree(folder / "blue_dress")
    found = prepared(folder)
    assert found.bursts == {"blue shirt": 9}
    _say_what_there_is(found)
    assert "not judged: the 9 of blue shirt are near-duplicates of each other, which stay" in capsys.readouterr().err
    told = [line for section in _data_sections(found, ()) for line in section]
    assert "Not judged, since the photos of each are near-duplicates of each other: blue shirt." in told
    assert not prepared(shapes).bursts


def test_a_rare_combination_does_not_starve_the_calibration(shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    for photo in sorted((folder / "red_shirt").iterdir())[4:]:
        photo.unlink()
    found = prepared(folder)
    chosen = [found.dataset.photos[index].combination for index in choose_calibration(found, 0, photos=24)]
    assert chosen.count("red shirt") < 8
    assert len(chosen) >= 24


def test_a_file_that_is_missing_is_named_where_too_few_photos_are_left(shapes, tmp_path):
    shutil.copy(shapes / "red_dress" / "000.png", tmp_path / "a.png")
    (tmp_path / "photos.csv").write_text("file,labels\na.png,red dress\nb.png,blue shirt\n")
    with pytest.raises(
        DatasetError, match=r"^1 readable photo leaves none for val; .*; 1 more could not be read, .*b\.png"
    ):
        prepared(tmp_path / "photos.csv")


def test_a_label_that_every_photo_carries_is_said_before_training(shapes, things, tmp_path, capsys):
    shutil.copytree(shapes / "red_dress", tmp_path / "red_dress")
    _say_what_there_is(prepared(tmp_path))
    assert "every photo that trains carries dress, red, so none shows what does not" in capsys.readouterr().err
    assert prepared(tmp_path, things).everywhere == ()
    assert prepared(shapes).everywhere == ()
