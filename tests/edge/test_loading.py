import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from fashion_edge.bundle import Bundle, Manifest, Variant
from fashion_edge.cli import main
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.loading import Profile, default_profile, load_profile, open_model, write_profile
from fashion_edge.preprocess import InputSpec


def choose(shipped: Bundle, precision: str, threads: int = 2, path: Path | None = None) -> None:
    """What `fashion-bench --choose` leaves behind."""
    variant = shipped.find("litert", precision)
    path = path or default_profile()
    path.parent.mkdir(parents=True, exist_ok=True)
    reason = "fastest here: p50 0.300 ms"
    write_profile(
        path, Profile(variant.file, variant.sha256, "litert", precision, threads, reason, "2026-11-23T00:00:00Z")
    )


def test_without_a_profile_the_first_variant_of_the_bundle_runs(shipped):
    model = open_model()
    assert model.variant == shipped.manifest.variants[0]
    assert model.threads == 1


def test_shipped_is_the_shipped_bundle_unless_a_folder_has_that_name(shipped, bundle_copy, monkeypatch):
    monkeypatch.chdir(bundle_copy.parent)
    bundle_copy.rename("own")
    assert open_model(Path("shipped")).bundle.path == shipped.path
    Path("own").rename("shipped")
    assert open_model(Path("shipped")).bundle.path == Path("shipped")


def test_the_variant_of_the_profile_runs_and_is_reported(shipped, capsys):
    choose(shipped, "float32")
    assert main(["--source", "demo", "--every-frame", "--frames", "1", "--headless"]) == 0
    said = capsys.readouterr().err
    assert "model.float32.tflite" in said
    assert "2 threads (fashion-bench chose it here, fastest here: p50 0.300 ms); self-check passed" in said


def test_options_override_the_profile(shipped):
    choose(shipped, "float32")
    assert open_model(precision="int8").variant.precision == "int8"
    assert open_model(threads=1).threads == 1


def test_a_profile_of_another_bundle_is_not_applied(shipped):
    choose(shipped, "float32")
    path = default_profile()
    path.write_text(path.read_text().replace(shipped.find("litert", "float32").sha256, "0" * 64))
    assert open_model().variant == shipped.manifest.variants[0]


def test_a_given_profile_must_match_the_bundle(shipped, tmp_path, capsys):
    named = tmp_path / "p.json"
    choose(shipped, "float32", path=named)
    assert open_model(profile=named).variant.precision == "float32"
    named.write_text(named.read_text().replace(shipped.find("litert", "float32").sha256, "0" * 64))
    flags = ["--source", "demo", "--frames", "1", "--headless"]
    assert main([*flags, "--profile", str(named)]) == 2
    assert "was chosen for another bundle" in capsys.readouterr().err
    assert main([*flags, "--profile", str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "value"), [("--precision", "int8"), ("--runtime", "litert")])
@pytest.mark.parametrize("more", [[], ["--install-service"]])
def test_a_given_profile_conflicts_with_a_given_variant(shipped, tmp_path, capsys, flag, value, more):
    named = tmp_path / "p.json"
    choose(shipped, "float32", path=named)
    flags = ["--source", "demo", "--frames", "1", "--headless", "--profile", str(named), flag, value, *more]
    assert main(flags) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"fashion-edge: --profile {named} and {flag} {value} both say which variant runs; leave one of them out\n"
    )


def test_threads_override_those_of_a_given_profile(shipped, tmp_path):
    named = tmp_path / "p.json"
    choose(shipped, "float32", threads=2, path=named)
    model = open_model(profile=named, threads=1)
    assert (model.variant.precision, model.threads) == ("float32", 1)


def test_diff_uses_the_variant_of_a_given_profile(shipped, tmp_path, capsys, edit_manifest):
    named = tmp_path / "p.json"
    choose(shipped, "float32", path=named)
    flags = ["--source", "demo", "--frames", "2", "--profile", str(named)]
    other = edit_manifest(lambda manifest: manifest.update(runtime={"dwell_s": 1.0}))
    assert main([*flags, "--diff", str(other)]) == 0
    assert "shipped_bundle/model.float32.tflite against bundle/model.float32.tflite" in capsys.readouterr().err


def test_a_damaged_profile_is_one_sentence(capsys):
    path = default_profile()
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert main(["--source", "demo", "--frames", "1", "--headless"]) == 2
    assert "choose again with fashion-bench --choose, or delete it" in capsys.readouterr().err


INT8 = Variant("model.int8.tflite", "litert", "int8", 187_000, "ab" * 32)
CHOSEN = Profile(INT8.file, INT8.sha256, "litert", "int8", 2, "fastest here: p50 0.300 ms", "2026-01-01T00:00:00+00:00")


def bundle_of(*variants: Variant) -> Bundle:
    space = LabelSpace(("red",), {}, {"red": 0.5})
    return Bundle(Path("bundle"), Manifest(space, InputSpec(), variants, None, {}, "2026-01-01T00:00:00+00:00"))


def test_a_profile_is_read_back_as_it_was_written(tmp_path):
    file = tmp_path / "deep" / "profile.json"
    write_profile(file, CHOSEN)
    assert load_profile(file) == CHOSEN


def test_writing_a_profile_replaces_the_old_one(tmp_path):
    file = tmp_path / "profile.json"
    write_profile(file, CHOSEN)
    write_profile(file, replace(CHOSEN, threads=1))
    assert load_profile(file).threads == 1


def test_a_profile_matches_the_measured_file():
    other = replace(INT8, file="model.float32.tflite", precision="float32", sha256="cd" * 32)
    assert CHOSEN.match(bundle_of(other, INT8)) == INT8


def test_a_profile_does_not_match_another_export_of_the_same_name():
    assert CHOSEN.match(bundle_of(replace(INT8, sha256="cd" * 32))) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/etc/xdg"}, Path("/etc/xdg/fashion-edge/profile.json")),
        ({"XDG_CONFIG_HOME": "relative"}, Path.home() / ".config/fashion-edge/profile.json"),
        ({}, Path.home() / ".config/fashion-edge/profile.json"),
    ],
)
def test_the_default_profile_follows_the_xdg_specification(environ, expected):
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
def test_other_files_are_refused_as_profiles(tmp_path, text):
    file = tmp_path / "profile.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="profile"):
        load_profile(file)


def test_a_missing_profile_is_reported(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_profile(tmp_path / "none.json")


def test_a_too_large_profile_is_not_read_whole(tmp_path):
    file = tmp_path / "profile.json"
    with file.open("wb") as opened:
        opened.truncate(64 << 20)
    tracemalloc.start()
    with pytest.raises(UsageError, match="is larger than 64 KB"):
        load_profile(file)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
