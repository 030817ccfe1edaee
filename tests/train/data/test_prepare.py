"""From the photos on disk to the sides of the split, and what is reported about them."""

import shutil

import pytest

from fashion_edge.errors import DatasetError, UsageError
from fashion_train.report import choose_calibration, data_paragraphs
from fashion_train.training import describe

pytestmark = pytest.mark.slow


def write_csv(folder, **labels):
    """A CSV file of all pictures below a folder, with the labels of the folder's name unless given."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [f"{file},{labels.get(file.split('/')[0], file.split('/')[0].replace('_', ' '))}" for file in files]
    (folder / "photos.csv").write_text("\n".join(["file,labels", *rows]) + "\n")
    return folder / "photos.csv"


@pytest.mark.parametrize("kinds", [1, 12])
def test_no_copy_of_an_evaluated_negative_is_trained_on(shapes, things, tmp_path, prepare_photos, kinds):
    for kind in range(kinds):
        for number, picture in enumerate(sorted(things.iterdir())):  # each kind has the same pictures as all others
            (tmp_path / f"kind{kind}").mkdir(exist_ok=True)
            shutil.copy(picture, tmp_path / f"kind{kind}" / f"{number}.png")
            shutil.copy(picture, tmp_path / f"kind{kind}" / f"{number}-copy.png")
    found = prepare_photos(shapes, negatives=tmp_path).negatives
    sides = {}
    for index in found.decoded.readable:
        sides.setdefault(found.decoded.content_hashes[index], set()).add(found.sides[index])
    assert all(len(there) == 1 for there in sides.values())


def test_a_negative_that_is_a_labelled_photo_is_refused(shapes, things, tmp_path, prepare_photos):
    folder = shutil.copytree(things, tmp_path / "things")
    shutil.copy(shapes / "red_dress" / "000.png", folder / "mine.png")
    with pytest.raises(UsageError, match=r"--negatives holds mine\.png, the same picture as red_dress/000\.png"):
        prepare_photos(shapes, negatives=folder)


@pytest.mark.parametrize("kinds", [1, 12])
def test_a_photo_without_labels_and_its_copy_among_the_negatives_are_on_one_side(
    shapes, things, tmp_path, prepare_photos, kinds
):
    shutil.copytree(shapes, tmp_path / "photos")
    for number, thing in enumerate(sorted(things.iterdir())):
        for place in ("photos/thing", f"other/kind{number % kinds}"):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(thing, tmp_path / place)
    found = prepare_photos(write_csv(tmp_path / "photos", thing=""), negatives=tmp_path / "other")
    for side in ("train", "val", "test"):
        photos = {found.decoded.content_hashes[index] for index in found.on(side)}
        same = {found.negatives.decoded.content_hashes[index] for index in found.negatives.on(side)}
        assert same
        assert same <= photos


def test_label_conflicts_are_found_and_only_readable_photos_are_counted(shapes, prepared, tmp_path, prepare_photos):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    shutil.copy(folder / "red_dress" / "000.png", folder / "blue_dress" / "copy.png")
    (folder / "blue_dress" / "broken.png").write_bytes(b"no picture")
    found = prepare_photos(folder)
    ((one, other),) = found.label_conflicts
    assert {one.file, other.file} == {"red_dress/000.png", "blue_dress/copy.png"}
    assert found.counts == {"blue dress": 17, "red dress": 16, "red shirt": 16}
    assert not prepared.label_conflicts


def test_frames_of_one_video_cannot_be_split_and_those_of_several_can(shapes, tmp_path, prepare_photos):
    def add(name, frame, source):
        (tmp_path / name).mkdir(exist_ok=True)
        shutil.copy(shapes / name / source, tmp_path / name / f"{frame}.png")

    for name in ("red_dress", "blue_dress"):
        for frame in range(20):
            add(name, frame, "000.png")
    words = "40 readable photos leave none for val; the 20 of blue dress are near-duplicates .*: add photos of other"
    with pytest.raises(DatasetError, match=words):
        prepare_photos(tmp_path)
    for name in ("red_dress", "blue_dress"):
        for frame in range(20):
            add(name, f"later{frame}", f"00{1 + frame % 2}.png")
    found = prepare_photos(tmp_path)
    assert [len(found.on(side)) for side in ("train", "val", "test")] == [40, 20, 20]


def test_a_combination_of_near_duplicates_is_reported(shapes, prepared, tmp_path, prepare_photos):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    (folder / "blue_shirt").mkdir()
    for frame in range(9):
        shutil.copy(shapes / "blue_dress" / "000.png", folder / "blue_shirt" / f"{frame}.png")
    shutil.rmtree(folder / "blue_dress")
    found = prepare_photos(folder)
    assert found.near_duplicates == {"blue shirt": 9}
    expected = "not evaluated: the 9 of blue shirt are near-duplicates of each other, which stay"
    assert any(line.startswith(expected) for line in describe(found))
    expected = "Not evaluated, since the photos of each are near-duplicates of each other: blue shirt."
    assert expected in list(data_paragraphs(found, ()))
    assert not prepared.near_duplicates


def test_a_rare_combination_does_not_limit_the_calibration_photos(shapes, tmp_path, prepare_photos):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    for photo in sorted((folder / "red_shirt").iterdir())[4:]:
        photo.unlink()
    found = prepare_photos(folder)
    chosen = [found.dataset.photos[index].combination for index in choose_calibration(found, 0, photos=24)]
    assert chosen.count("red shirt") < 8
    assert len(chosen) >= 24


def test_a_missing_file_is_named_where_too_few_photos_are_left(shapes, tmp_path, prepare_photos):
    shutil.copy(shapes / "red_dress" / "000.png", tmp_path / "a.png")
    (tmp_path / "photos.csv").write_text("file,labels\na.png,red dress\nb.png,blue shirt\n")
    words = r"^1 readable photo leaves none for val; .*; 1 more could not be read, .*b\.png"
    with pytest.raises(DatasetError, match=words):
        prepare_photos(tmp_path / "photos.csv")


def test_a_label_of_every_training_photo_is_reported(shapes, things, prepared, tmp_path, prepare_photos):
    shutil.copytree(shapes / "red_dress", tmp_path / "red_dress")
    lines = list(describe(prepare_photos(tmp_path)))
    assert any(line.startswith("every training photo has the label dress, red, so the network") for line in lines)
    assert prepare_photos(tmp_path, negatives=things).universal_labels == ()
    assert prepared.universal_labels == ()
