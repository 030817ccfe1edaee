"""Folder names, CSV rows and groups become labels."""

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from fashion_edge.errors import DatasetError, UsageError
from fashion_train.data.dataset import find_holdout, find_negatives, infer_groups, load_dataset, split_words


@pytest.fixture
def load_csv(tmp_path):
    """Load a data set from the text of a CSV file."""

    def call(text, groups=None):
        (tmp_path / "photos.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_dataset(tmp_path / "photos.csv", groups)

    return call


def test_two_words_are_colour_and_garment(shapes):
    dataset = load_dataset(shapes)
    assert dataset.labels == ("blue", "dress", "red", "shirt")
    assert dataset.groups == {"colour": ("blue", "red"), "garment": ("dress", "shirt")}
    counts = Counter(photo.combination for photo in dataset.photos)
    assert counts == {"blue dress": 16, "red dress": 16, "red shirt": 16}


def test_any_number_of_words_is_grouped_by_position_from_the_end():
    groups = infer_groups([("red", "striped", "shirt"), ("plain", "dress"), ("dress",)])
    assert groups == {"word1": ("red",), "word2": ("plain", "striped"), "word3": ("dress", "shirt")}


@pytest.mark.parametrize(
    ("combinations", "message"),
    [
        ("red_dress dress_shirt", "'dress' has different positions in folder names.*of dress, red.*--groups"),
        ("red_dress blue_dress dress_red", "in red_dress and dress_red, the same words in two orders: .*--groups"),
    ],
)
def test_a_word_at_two_positions_needs_groups(combinations, message):
    with pytest.raises(DatasetError, match=message):
        infer_groups([tuple(name.split("_")) for name in combinations.split()])


@pytest.mark.parametrize("name", ["Red_Dress", "dress_red", "red__dress"])
def test_a_combination_is_held_out_by_the_name_of_its_folder(shapes, name):
    assert find_holdout(load_dataset(shapes), [name]) == {"red dress"}


def test_an_umlaut_is_one_label_however_the_file_system_writes_it(load_csv):
    decomposed, composed = "gru\u0308n", "gr\u00fcn"  # as macOS lists a folder, as a keyboard types it
    assert split_words(f"{decomposed}_kleid") == split_words(f"{composed}_kleid") == (composed, "kleid")
    dataset = load_csv(f"file,labels\na.jpg,{decomposed} kleid\nb.jpg,{composed} hose\n")
    assert dataset.labels == (composed, "hose", "kleid")


def test_an_unknown_colour_word_in_no_group_may_mean_any_colour(load_csv):
    rows = "file,labels\na.jpg,red dress\nb.jpg,{} jeans\nc.jpg,blue jeans\n"
    assert load_csv(rows.format("turquoise"), "garment=dress,jeans").palette.unnamed == ()
    assert "green" in load_csv(rows.format("striped"), "colour=red,blue garment=dress,jeans").palette.unnamed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((f"red{mark}wine_dress", "has a '.' in a label, .*; name it like red_dress") for mark in "|,;"),
        *((name, "has no label in its name") for name in ("___", "123", "_1_2")),
        # split.csv separates labels by blanks
        ("light blue_dress", "has a blank in the label .*; name it light_blue_dress where each word is a label, or "),
        ("red dress", "red_dress where each word is a label, or red-dress where they are one"),
        ("red _dress", "has a blank in the label .*; name it red_dress$"),
    ],
)
def test_a_folder_name_that_gives_no_valid_labels_is_refused(name, message):
    with pytest.raises(DatasetError, match=message):
        split_words(name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "has no folder in it"),
        (["red_dress/readme.txt"], "holds no photo"),
        (["reddress/a.jpg"], "only the label 'reddress'; at least two are needed: name it like red_dress"),
        (["red_dress/a\\b.jpg", "blue_shirt/c.jpg"], "a backslash or carriage return in 1 photo of .*; rename"),
        (["red_dress/a\rb.jpg", "blue_shirt/c.jpg"], "a backslash or carriage return in 1 photo of .*; rename"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a backslash separates folders there")
def test_a_folder_that_cannot_be_trained_on_is_refused(tmp_path, files, message):
    for file in files:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "nowhere")


def test_a_csv_may_have_any_labels_and_photos_without_one(load_csv, tmp_path):
    dataset = load_csv("file,labels\na.jpg,red dress\n./b.jpg,Dress\nc.jpg,\n")
    assert dataset.root == tmp_path
    assert [photo.file for photo in dataset.photos] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [photo.labels for photo in dataset.photos] == [("red", "dress"), ("dress",), ()]
    assert dataset.groups == {"colour": ("red",), "garment": ("dress",)}


def test_labels_of_a_csv_in_another_order_are_the_same_combination(load_csv):
    rows = "file,labels\na.jpg,red outdoor dress\nb.jpg,dress red outdoor\nc.jpg,blue\n"
    dataset = load_csv(rows, "colour=blue,red garment=dress")
    assert [photo.combination for photo in dataset.photos] == ["red dress outdoor", "red dress outdoor", "blue"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row"),
        ("file,labels\na.jpg,grün kleid\n".encode("latin-1"), "in UTF-8; save it as CSV UTF-8"),
        ("file,labels\na.jpg,grün kleid\n".encode("utf-16"), "in UTF-8; save it as CSV UTF-8"),
        ("name,labels\na.jpg,red dress\n", "no columns file,labels"),
        ("file,labels\n../a.jpg,red dress\n", "line 2: file '../a.jpg' must be a path below"),
        ("file,labels\n/etc/a.jpg,red dress\n", "must be a path below"),
        ("file,labels\nred_dress\\a.jpg,red dress\n", "must be a path below .* with /"),
        ("file,labels\na.jpg,red red\n", "line 2: a label is repeated"),
        ("file,labels\na.jpg,\n", "gives no photo a label"),
        ("file,labels\na.jpg,red,dress\n", "line 2: give the labels in one column, separated by blanks"),
        ('file,labels\na.jpg,"red, dress"\n', "in one column, separated by blanks"),
        ("file,labels\na.jpg,red;dress\n", "in one column, separated by blanks"),
        ("file,labels\na.jpg,red|dress\n", "in one column, separated by blanks"),
        (
            'file,labels\n"a.jpg,red dress\nb.jpg,red\n',
            "^[^\n]*line 2: a quotation mark is not closed on its line[^\n]*$",
        ),
        ('file,labels\n"' + "a.jpg,red\n" * 20000, "cannot be read as CSV .*; is a quotation mark not closed"),
        ("file,labels\na.jpg,red dress\nb.jpg\n", "line 3: give the labels in one column"),
        ("file,labels\na.jpg,red \x1b[2Jdress\n", "the label .* is not valid in a bundle"),
        ("file,labels\na.jpg,red ..\n", r"the label '\.\.' is not valid in a bundle; rename it"),
        ("path,label\na.jpg,red,dress\n", "its first line names path, label"),
        ("file,labels\na.jpg,red dress\n./a.jpg,blue dress\n", "lines 2 and 3 both name a.jpg; keep one of them"),
        ("file,labels\n\na.jpg,red dress\n\n\nb.jpg,red red\n", "line 6: a label is repeated"),
    ],
)
def test_a_bad_csv_is_refused_and_its_line_named(load_csv, text, message):
    with pytest.raises(DatasetError, match=message):
        load_csv(text)


def test_negatives_must_be_a_folder_with_photos(tmp_path):
    with pytest.raises(DatasetError, match="none does not exist; name another folder, or leave --negatives out"):
        find_negatives(tmp_path / "none")
    (tmp_path / "list.csv").touch()
    with pytest.raises(DatasetError, match="is not a folder"):
        find_negatives(tmp_path / "list.csv")
    with pytest.raises(DatasetError, match="holds no photo"):
        find_negatives(tmp_path)


def test_a_photo_with_two_labels_of_one_group_is_named(load_csv):
    with pytest.raises(UsageError, match=r"a\.jpg has the labels red and blue of one group, colour"):
        load_csv("file,labels\na.jpg,red blue dress\nb.jpg,blue shirt\n", "colour=red,blue")


def test_ignored_files_are_listed(shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    (folder / "red_dress" / "phone.heic").write_bytes(b"a picture in an unknown format")
    (folder / "red_dress" / "000.png.json").write_text("{}")  # a sidecar of fashion-edge --capture
    (folder / "red_dress" / "more").symlink_to(shapes / "blue_dress")
    assert load_dataset(folder).ignored == ("red_dress/more", "red_dress/phone.heic")
    (folder / "loose.jpg").write_bytes(b"a picture without a label")
    (folder / "README").touch()
    assert load_dataset(folder).ignored == ("loose.jpg", "red_dress/more", "red_dress/phone.heic")
    assert load_dataset(shapes).ignored == ()


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such a name")
def test_names_that_are_not_utf8_are_refused_before_training(shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "photos")
    odd = os.fsencode(folder / "red_dress") + b"/caf\xe9"
    Path(os.fsdecode(odd + b".heic")).touch()
    assert load_dataset(folder).ignored == ("red_dress/caf\\xe9.heic",)
    Path(os.fsdecode(odd + b".jpg")).touch()
    with pytest.raises(
        DatasetError, match=r"names below .* not UTF-8: 1 photo, the first red_dress/caf\\xe9\.jpg; ren"
    ):
        load_dataset(folder)
    with pytest.raises(DatasetError, match=r"not UTF-8: 1 photo, the first caf\\xe9\.jpg; rename"):
        find_negatives(folder / "red_dress")
