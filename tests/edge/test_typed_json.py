import json
import math

import numpy as np
import pytest

from fashion_edge.frame import Box
from fashion_edge.typed_json import encode_json


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
