import doctest
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashion_edge
from fashion_edge import Classifier, Decision, Frame, Result, classifier, decide, errors, result
from fashion_edge.sources.simulated import DemoSource
from fashion_render.demo import DemoScene


@pytest.fixture(scope="module")
def clf():
    return Classifier.load("shipped")


@pytest.fixture(scope="module")
def garment():
    """A rendered garment, B, G, R."""
    return DemoScene(seed=0).frame(0)


@pytest.mark.parametrize("module", [fashion_edge, classifier, decide, result])
def test_examples_of_the_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


def test_every_public_name_is_there():
    assert {Classifier, Decision, Frame, Result} <= {getattr(fashion_edge, name) for name in fashion_edge.__all__}
    assert set(fashion_edge.__all__) >= {name for name in vars(errors) if name.endswith("Error")}
    with pytest.raises(AttributeError, match="no attribute 'Labeller'"):
        _ = fashion_edge.Labeller


def test_the_newest_bundle_in_bundles_is_the_default(bundle_copy, tmp_path, monkeypatch, edit_manifest):
    monkeypatch.chdir(tmp_path)
    edit_manifest(lambda m: m["groups"].pop("colour"))
    assert set(Classifier.load().groups) == {"colour", "garment"}
    (tmp_path / "bundles").mkdir()
    bundle_copy.rename(tmp_path / "bundles" / "own")
    assert set(Classifier.load().groups) == {"garment"}
    assert repr(Classifier.load(precision="float32")).startswith("<Classifier model.float32.tflite: black, blue")


def test_path_array_and_pil_image_give_the_same_result(clf, garment, tmp_path):
    path, rgb = tmp_path / "photo.png", np.ascontiguousarray(garment[:, :, ::-1])
    Image.fromarray(rgb).save(path)
    first, *others = [clf.classify(image) for image in (str(path), path, Image.fromarray(rgb), garment)]
    for one in (*others, clf.classify(rgb, channels="RGB")):
        assert one.scores == first.scores
        assert (one.frame.image == garment).all()
    assert first.frame.source == str(path)
    assert set(first.scores) == set(clf.labels)
    assert (first.labels, first.text) == (first.decision.labels, first.decision.text)
    assert first.decision["colour"] in (None, *clf.groups["colour"])


def test_the_repr_of_a_result_is_one_short_line(clf, garment, tmp_path):
    Image.fromarray(garment).save(tmp_path / "photo.png")
    one = clf.classify(tmp_path / "photo.png")
    assert repr(one) == f"<Result {one.text}: 640x480 {tmp_path / 'photo.png'}>"
    assert "array" not in repr(one.frame)


def test_a_pil_image_is_turned_upright_and_stays_as_it_was(clf, garment):
    turned = Image.fromarray(np.rot90(garment)[:, :, ::-1])
    turned.getexif()[274] = 6  # turn it clockwise to see it upright
    assert clf.classify(turned).frame.image.shape == garment.shape
    assert turned.size == garment.shape[:2]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((4, 4, 3), np.nan), r"dtype uint8 and values 0 to 255, not float64"),
        (np.zeros((4, 4, 3), np.float32), r"multiply by 255 if it is 0 to 1, then \.astype\(np\.uint8\)"),
        (np.zeros((4, 4, 3), np.int64), "not int64"),
        ("https://host/a.jpg", "https://host/a.jpg is an address, not a file; download it first"),
        (b"\xff\xd8\xff", r"PIL\.Image\.open\(io\.BytesIO"),
        (np.zeros((4, 4), np.uint8), r"the shape \(height, width, 3\), not \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"not \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"not \(0, 4, 3\)"),
        (np.array(None), r"not \(\)"),
        ([[0]], "a path, a PIL image or an array, not list"),
        ("gone.jpg", "gone.jpg does not exist"),
    ],
)
def test_a_bad_image_is_one_sentence(clf, image, reason):
    with pytest.raises(fashion_edge.ImageError, match=reason):
        clf.classify(image)


def test_a_batch_keeps_the_order_and_reads_only_a_few_images_ahead(clf, garment):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield garment

    results = clf.classify_batch(endless())
    assert [next(results).frame.index for _ in range(5)] == [0, 1, 2, 3, 4]
    assert taken < 15
    results.close()
    assert "reader" not in [thread.name for thread in threading.enumerate()]


def test_a_bad_photo_ends_a_batch_unless_errors_are_handled(clf, photo_folder):
    good, bad = photo_folder / "a" / "1.png", photo_folder / "notes.txt"
    with pytest.raises(fashion_edge.ImageError, match="is not a picture in a known format"):
        list(clf.classify_batch([good, bad, good]))
    failed: dict[str, errors.ImageError] = {}
    results = clf.classify_batch([good, bad, good], on_error=failed.__setitem__)
    assert [(one.frame.index, one.frame.source) for one in results] == [(0, str(good)), (2, str(good))]
    assert list(failed) == [str(bad)]


@pytest.mark.usefixtures("nan_for_black")
def test_a_picture_without_valid_scores_is_an_error(clf, garment):
    black = np.zeros_like(garment)
    with pytest.raises(fashion_edge.ScoreError, match="ndarray: the model gives a score of nan"):
        clf.classify(black)
    with pytest.raises(fashion_edge.ScoreError):
        list(clf.classify_batch([garment, black]))
    failed: dict[str, errors.ImageError] = {}
    results = clf.classify_batch([garment, black, garment], on_error=failed.__setitem__)
    assert [one.frame.index for one in results] == [0, 2]
    assert list(failed) == ["ndarray"]


@pytest.mark.usefixtures("nan_for_black")
def test_a_stream_leaves_frames_without_valid_scores_out(clf, photo_folder, caplog):
    Image.new("RGB", (90, 120)).save(photo_folder / "a" / "0.png")
    with clf.stream(photo_folder) as results:
        assert len(list(results)) == 3
    assert "0.png: the model gives a score of nan" in caplog.text


def test_a_folder_streams_every_photo_and_logs_the_bad_ones(clf, photo_folder, caplog):
    (photo_folder / "a" / "3.png").touch()
    with clf.stream(photo_folder) as results:
        assert len(list(results)) == 3
    assert "3.png is empty (0 bytes), not a picture" in caplog.text


@pytest.mark.parametrize("every_frame", [False, True])
def test_leaving_a_stream_closes_the_source(clf, monkeypatch, every_frame):
    closed, original = threading.Event(), DemoSource.items

    def items(self):
        try:
            yield from original(self)
        finally:
            closed.set()

    monkeypatch.setattr(DemoSource, "items", items)
    with clf.stream("demo", every_frame=every_frame) as results:
        one = next(results)
        assert one.frame.image.shape == (480, 640, 3)
        assert 0 < one.age_s < 1
    assert closed.is_set()


def test_a_damaged_bundle_is_a_model_error(bundle_copy):
    model = bundle_copy / "model.int8.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(fashion_edge.ModelError, match="cut short or swapped"):
        Classifier.load(bundle_copy)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda clf: Classifier.load("shipped", threads=0), "threads must be 1 to 64, not 0"),
        (lambda clf: clf.classify("x.png", channels="HSV"), 'channels must be "BGR" or "RGB", not "HSV"'),
        (lambda clf: clf.classify_batch([], channels="HSV"), 'channels must be "BGR" or "RGB"'),
        (lambda clf: clf.classify("x.png", channels="rgb"), 'not "rgb"'),
        (lambda clf: clf.classify_batch("photo.jpg"), "images must be an iterable of images; use classify for one"),
        (lambda clf: clf.classify_batch(np.zeros((4, 4, 3), np.uint8)), "images must be an iterable"),
        (lambda clf: clf.classify_batch(Path("photo.jpg")), "images must be an iterable"),
        (lambda clf: iter(clf.stream("demo")), "with classifier.stream"),
        (lambda clf: clf.stream(97).__enter__(), "camera /dev/video97 does not exist"),
        (lambda clf: clf.stream("demo", roi="left").__enter__(), "is not auto, full, guide"),
    ],
)
def test_a_bad_argument_is_an_error_of_the_tree(clf, call, said):
    with pytest.raises((fashion_edge.UsageError, fashion_edge.SourceError), match=said):
        call(clf)


def test_threads_may_share_a_classifier(clf, garment):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: clf.classify(garment).scores, range(80)))
    assert found == [clf.classify(garment).scores] * 80
