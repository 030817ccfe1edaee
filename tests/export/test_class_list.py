"""Labels of external models: from the command line, or from a pickle that may contain nothing else."""

import collections
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer, MultiLabelBinarizer

from fashion_edge.errors import UsageError
from fashion_export.class_list import parse_labels, read_classes

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")


@pytest.fixture
def read(tmp_path):
    """Read the classes of a pickle with these bytes."""

    def call(data: bytes):
        (tmp_path / "lb.pickle").write_bytes(data)
        return read_classes(tmp_path / "lb.pickle")

    return call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fixed_type", [object, np.str_])
def test_binarizer_of_the_tutorial_in_every_protocol(read, protocol, fixed_type):
    binarizer = MultiLabelBinarizer().fit([LABELS])
    binarizer.classes_ = binarizer.classes_.astype(fixed_type)
    assert read(pickle.dumps(binarizer, protocol)) == LABELS


def test_binarizer_of_older_scikit_learn_and_numpy(read):
    data = pickle.dumps(MultiLabelBinarizer().fit([LABELS]), 0)
    data = data.replace(b"sklearn.preprocessing._label", b"sklearn.preprocessing.label")
    assert read(data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")) == LABELS


@pytest.mark.parametrize("value", [LabelBinarizer().fit(list(LABELS)), list(LABELS), LABELS, np.array(LABELS)])
def test_other_pickles_of_a_class_list(read, value):
    assert read(pickle.dumps(value)) == LABELS


class Endless:
    """An array longer than its file."""

    def __reduce__(self):
        return np.ndarray, ((30_000_000,), "b")


def test_array_longer_than_its_file_does_not_fill_memory(read):
    tracemalloc.start()
    with pytest.raises(UsageError, match="holds no list of labels"):
        read(pickle.dumps(Endless()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


class Call:
    """Unpickled by the standard library, it calls a function."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: ["red", x], lambda x: {"classes_": x}])
def test_hostile_pickle_is_refused_and_does_not_run(read, tmp_path, wrap):
    with pytest.raises(UsageError, match=r"needs posix\.system"):
        read(pickle.dumps(wrap(Call(os.system, f"touch {tmp_path / 'it-ran'}"))))
    assert not (tmp_path / "it-ran").exists()


OTHERS = [Call(getattr, "red", "upper"), collections.OrderedDict(a=1), np.random.default_rng, print, UsageError]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *((pickle.dumps(value), "which no class list does") for value in OTHERS),
        (b"", "not a readable pickle"),
        (b"\x80\x05N.", "no list of labels"),
        (pickle.dumps([1, 2]), "no list of labels"),
        (b"csklearn.preprocessing._label\nMultiLabelBinarizer\n)\x81.", "no list of labels"),  # without a state
        (b"0" * (2 << 20), "larger than 1 MB"),
    ],
    ids=range(len(OTHERS) + 5),
)
def test_file_without_a_class_list_is_refused(read, data, reason):
    with pytest.raises(UsageError, match=reason):
        read(data)


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
