"""A class list comes out of a pickle; nothing else does."""

import collections
import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer, MultiLabelBinarizer

from fashion_edge.errors import UsageError
from fashion_export.labels import read_classes

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fixed_type", [object, np.str_])
def test_the_tutorials_binarizer_in_every_protocol(tmp_path, protocol, fixed_type):
    binarizer = MultiLabelBinarizer().fit([LABELS])
    binarizer.classes_ = binarizer.classes_.astype(fixed_type)
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(binarizer, protocol))
    assert read_classes(tmp_path / "mlb.pickle") == LABELS


def test_a_binarizer_of_an_older_scikit_learn_and_numpy(tmp_path):
    data = pickle.dumps(MultiLabelBinarizer().fit([LABELS]), 0)
    data = data.replace(b"sklearn.preprocessing._label", b"sklearn.preprocessing.label")
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "lb.pickle").write_bytes(data)
    assert read_classes(tmp_path / "lb.pickle") == LABELS


@pytest.mark.parametrize("value", [LabelBinarizer().fit(list(LABELS)), list(LABELS), LABELS, np.array(LABELS)])
def test_other_ways_to_keep_a_class_list(tmp_path, value):
    (tmp_path / "lb.pickle").write_bytes(pickle.dumps(value))
    assert read_classes(tmp_path / "lb.pickle") == LABELS


def test_an_array_longer_than_its_file_fills_no_memory(tmp_path):
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
def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path, wrap):
    mark = tmp_path / "it-ran"
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(wrap(Hostile(str(mark)))))
    with pytest.raises(UsageError, match=r"asks for posix\.system"):
        read_classes(tmp_path / "mlb.pickle")
    assert not mark.exists()


@pytest.mark.parametrize("value", [Getter(), collections.OrderedDict(a=1), np.random.default_rng, print, UsageError])
def test_any_other_name_is_refused(tmp_path, value):
    (tmp_path / "mlb.pickle").write_bytes(pickle.dumps(value))
    with pytest.raises(UsageError, match="which no class list needs"):
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
def test_what_is_no_class_list(tmp_path, data, reason):
    (tmp_path / "mlb.pickle").write_bytes(data)
    with pytest.raises(UsageError, match=reason):
        read_classes(tmp_path / "mlb.pickle")


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "mlb.pickle").open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        read_classes(tmp_path / "mlb.pickle")
