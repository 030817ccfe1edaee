import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from fashion_edge.bundle import Bundle, Manifest, Variant
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.loading import Profile, default_profile, load_profile, write_profile
from fashion_edge.preprocess import InputSpec

INT8 = Variant("model.int8.tflite", "litert", "int8", 187_000, "ab" * 32)
CHOSEN = Profile(INT8.file, INT8.sha256, "litert", "int8", 2, "fastest here: p50 0.300 ms", "2026-01-01T00:00:00+00:00")


def bundle_of(*variants: Variant) -> Bundle:
    space = LabelSpace(("red",), {}, {"red": 0.5})
    return Bundle(Path("bundle"), Manifest(space, InputSpec(), variants, None, {}, "2026-01-01T00:00:00+00:00"))


def test_a_profile_comes_back_as_it_was_written(tmp_path):
    file = tmp_path / "deep" / "profile.json"
    write_profile(file, CHOSEN)
    assert load_profile(file) == CHOSEN


def test_choosing_anew_replaces_the_old_one(tmp_path):
    file = tmp_path / "profile.json"
    write_profile(file, CHOSEN)
    write_profile(file, replace(CHOSEN, threads=1))
    assert load_profile(file).threads == 1


def test_it_matches_the_very_file_that_was_measured():
    other = replace(INT8, file="model.float32.tflite", precision="float32", sha256="cd" * 32)
    assert CHOSEN.match(bundle_of(other, INT8)) == INT8


def test_it_does_not_match_another_export_of_the_same_name():
    assert CHOSEN.match(bundle_of(replace(INT8, sha256="cd" * 32))) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/etc/xdg"}, Path("/etc/xdg/fashion-edge/profile.json")),
        ({"XDG_CONFIG_HOME": "relative"}, Path.home() / ".config/fashion-edge/profile.json"),
        ({}, Path.home() / ".config/fashion-edge/profile.json"),
    ],
)
def test_where_it_is_looked_for(environ, expected):
    assert default_profile(environ) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2, not 1"),
        ({"threads": 0}, "threads: expected int >= 1"),
        ({"threads": True}, "threads: expected int, got bool"),
        ({"file": 7}, "file: expected str, got int"),
    ],
)
def test_a_damaged_profile_is_refused_in_one_sentence(tmp_path, change, words):
    file = tmp_path / "profile.json"
    write_profile(file, CHOSEN)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UsageError, match=words) as error:
        load_profile(file)
    assert "fashion-bench --choose" in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "x" * 70_000])
def test_what_is_no_profile_is_refused(tmp_path, text):
    file = tmp_path / "profile.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="profile"):
        load_profile(file)


def test_a_missing_profile_is_said(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_profile(tmp_path / "none.json")


def test_of_a_file_that_is_far_too_large_only_the_beginning_is_read(tmp_path):
    file = tmp_path / "profile.json"
    with file.open("wb") as opened:
        opened.truncate(64 << 20)
    tracemalloc.start()
    with pytest.raises(UsageError, match="is larger than 64 KB"):
        load_profile(file)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
