"""Labels of external models: from the command line, or from a pickle that may contain nothing else."""

import collections
import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer, MultiLabelBinarizer

from fashion_edge.errors import UsageError
from fashion_export.class_list import parse_labels, read_classes

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fixed_type", [object, np.str_])
def test_binarizer_of_the_tutorial_in_every_protocol(tmp_path, protocol, fixed_type):
    binarizer = MultiLabelBinarizer().fit([LABELS])
    binarizer.classes_ = binarizer.classes_.astype(fixed_type)
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(binarizer, protocol))
    assert read_classes(tmp_path / "mlb.pickle") == LABELS


def test_binarizer_of_older_scikit_learn_and_numpy(tmp_path):
    data = pickle.dumps(MultiLabelBinarizer().fit([LABELS]), 0)
    data = data.replace(b"sklearn.preprocessing._label", b"sklearn.preprocessing.label")
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "lb.pickle").write_bytes(data)
    assert read_classes(tmp_path / "lb.pickle") == LABELS


@pytest.mark.parametrize("value", [LabelBinarizer().fit(list(LABELS)), list(LABELS), LABELS, np.array(LABELS)])
def test_other_pickles_of_a_class_list(tmp_path, value):
    (tmp_path / "lb.pickle").write_bytes(pickle.dumps(value))
    assert read_classes(tmp_path / "lb.pickle") == LABELS


def test_array_longer_than_its_file_does_not_fill_memory(tmp_path):
    class Endless:
        def __reduce__(self):
            return np.ndarray, ((30_000_000,), "b")

    (tmp_path / "lb.pickle").write_bytes(pickle.dumps(Endless()))
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="holds no list of labels"):
            read_classes(tmp_path / "lb.pickle")
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


class Hostile:
    """Unpickled by the standard library, it runs a command."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        import os

        return (os.system, (f"touch {self.target}",))


class Getter:
    def __reduce__(self):
        return (getattr, ("red", "upper"))


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: ["red", x], lambda x: {"classes_": x}])
def test_hostile_pickle_is_refused_and_does_not_run(tmp_path, wrap):
    mark = tmp_path / "it-ran"
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(wrap(Hostile(str(mark)))))
    with pytest.raises(UsageError, match=r"needs posix\.system"):
        read_classes(tmp_path / "mlb.pickle")
    assert not mark.exists()


@pytest.mark.parametrize("value", [Getter(), collections.OrderedDict(a=1), np.random.default_rng, print, UsageError])
def test_pickle_with_any_other_name_is_refused(tmp_path, value):
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(value))
    with pytest.raises(UsageError, match="which no class list does"):
        read_classes(tmp_path / "mlb.pickle")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable pickle"),
        (b"\x80\x05N.", "no list of labels"),
        (pickle.dumps([1, 2]), "no list of labels"),
        (b"csklearn.preprocessing._label\nMultiLabelBinarizer\n)\x81.", "no list of labels"),  # without a state
    ],
)
def test_file_without_a_class_list_is_refused(tmp_path, data, reason):
    (tmp_path / "mlb.pickle").write_bytes(data)
    with pytest.raises(UsageError, match=reason):
        read_classes(tmp_path / "mlb.pickle")


def test_large_file_is_refused_unread(tmp_path):
    with (tmp_path / "mlb.pickle").open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        read_classes(tmp_path / "mlb.pickle")


def test_labels_of_the_command_line():
    assert parse_labels("red, blue") == ("red", "blue")
    assert len(parse_labels(",".join(f"label {i}" for i in range(500)))) == 500  # longer than any file name


@pytest.mark.parametrize("word", ["..", "re\td", "x" * 256, " ".join(["red"] * 500)])
def test_words_that_are_not_valid_in_a_bundle_are_refused(word):
    with pytest.raises(UsageError, match="--labels: .* is not valid in a bundle"):
        parse_labels(f"blue,{word}")


def test_text_file_is_not_taken_for_a_label(tmp_path):
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    with pytest.raises(UsageError, match=r"labels.txt is a file, but none of .pickle, .* name the labels themselves"):
        parse_labels(str(tmp_path / "labels.txt"))
