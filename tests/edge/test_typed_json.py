import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.errors import UsageError
from fashion_edge.frame import Box
from fashion_edge.typed_json import encode_json, read_bounded, read_json


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")])
def test_what_json_has_no_number_for_is_null(number):
    assert json.loads(encode_json({"a": [number, {"b": number}]})) == {"a": [None, {"b": None}]}


def test_numpy_numbers_dataclasses_and_structs_are_encoded():
    value = {"one": np.float32(0.5), "two": np.int64(2), "row": np.array([1.0, np.nan]), "box": Box(1, 2, 3, 4)}
    assert json.loads(encode_json(value)) == {
        "one": 0.5,
        "two": 2,
        "row": [1.0, None],
        "box": {"left": 1, "top": 2, "width": 3, "height": 4},
    }


@pytest.mark.parametrize("value", [{"a": [1, 2.5, {"b": []}], "c": {}, "é": "\n"}, [], "x"])
def test_indented_text_is_laid_out_as_by_the_standard_library(value):
    assert encode_json(value, indent=1).decode() == json.dumps(value, indent=1, ensure_ascii=False)


def test_a_pipe_in_the_place_of_a_file_does_not_wait_forever(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(UsageError, match=r"run\.json is a pipe, not a file"):
        read_json(tmp_path / "run.json", dict, 100, UsageError)


def test_the_output_of_a_command_is_read():
    read, write = os.pipe()
    os.write(write, b"[1]")
    os.close(write)
    assert read_json(Path(f"/dev/fd/{read}"), list, 100, UsageError) == [1]
    os.close(read)


def test_a_file_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b" " * 2049)
    with pytest.raises(UsageError, match=r"a\.json is larger than 2 KB"):
        read_bounded(tmp_path / "a.json", 2048, UsageError)
