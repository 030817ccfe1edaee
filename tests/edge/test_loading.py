import json
import tracemalloc
from pathlib import Path

import pytest

from fashion_edge.bundle import Bundle
from fashion_edge.errors import UsageError
from fashion_edge.loading import Profile, default_profile, load_profile, open_model, write_profile


def choose(shipped: Bundle, precision: str, threads: int = 2, path: Path | None = None) -> Path:
    """Write the profile that `fashion-bench --choose` leaves behind."""
    variant, path = shipped.find("litert", precision), path or default_profile()
    chosen = Profile(variant.file, variant.sha256, "litert", precision, threads, REASON, "2026-11-23T00:00:00Z")
    write_profile(path, chosen)
    assert load_profile(path) == chosen
    return path


def of_another_bundle(path: Path) -> None:
    profile = json.loads(path.read_text())
    path.write_text(json.dumps(profile | {"sha256": "0" * 64}))


REASON = "fastest here: p50 0.300 ms"


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


def test_the_variant_of_the_profile_runs_and_is_reported(shipped, run_demo):
    choose(shipped, "float32")
    said = run_demo(1).err
    assert "model.float32.tflite" in said
    assert f"2 threads (fashion-bench chose it here, {REASON}); self-check passed" in said


def test_options_override_the_profile(shipped):
    choose(shipped, "float32")
    assert open_model(precision="int8").variant.precision == "int8"
    model = open_model(threads=1)
    assert (model.variant.precision, model.threads) == ("float32", 1)


def test_a_profile_of_another_bundle_is_not_applied(shipped):
    of_another_bundle(choose(shipped, "float32"))
    assert open_model().variant == shipped.manifest.variants[0]


def test_a_given_profile_must_match_the_bundle(shipped, tmp_path, run_demo):
    named = choose(shipped, "float32", path=tmp_path / "deep" / "p.json")
    model = open_model(profile=named, threads=1)
    assert (model.variant.precision, model.threads) == ("float32", 1)
    of_another_bundle(named)
    assert "was chosen for another bundle" in run_demo(1, "--profile", named).err
    assert "cannot be read (No such file" in run_demo(1, "--profile", tmp_path / "none.json").err


@pytest.mark.parametrize(("flag", "value"), [("--precision", "int8"), ("--runtime", "litert")])
@pytest.mark.parametrize("more", [[], ["--install-service"]])
def test_a_given_profile_conflicts_with_a_given_variant(shipped, tmp_path, run_edge, flag, value, more):
    named = choose(shipped, "float32", path=tmp_path / "p.json")
    said = f"--profile {named} and {flag} {value} both say which variant runs; leave one of them out"
    assert run_edge("--source", "demo", "--profile", named, flag, value, *more) == (2, "", f"fashion-edge: {said}\n")


def test_diff_uses_the_variant_of_a_given_profile(shipped, tmp_path, run_edge, edit_manifest):
    named = choose(shipped, "float32", path=tmp_path / "p.json")
    other = edit_manifest(lambda manifest: manifest.update(runtime={"dwell_s": 1.0}))
    done = run_edge("--source", "demo", "--frames", "2", "--profile", named, "--diff", other)
    assert done.status == 0
    assert "shipped_bundle/model.float32.tflite against bundle/model.float32.tflite" in done.err


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
def test_a_damaged_profile_is_refused_in_one_sentence(shipped, change, words):
    file = choose(shipped, "int8")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UsageError, match=f"{words}.*; choose again with fashion-bench --choose, or delete it"):
        load_profile(file)


@pytest.mark.parametrize("text", ["", "{", "[1]", "x" * 70_000])
def test_other_files_are_refused_as_profiles(tmp_path, text):
    (tmp_path / "profile.json").write_text(text)
    with pytest.raises(UsageError, match="choose again with fashion-bench --choose"):
        load_profile(tmp_path / "profile.json")


def test_a_too_large_profile_is_not_read_whole(tmp_path):
    file = tmp_path / "profile.json"
    with file.open("wb") as opened:
        opened.truncate(64 << 20)
    tracemalloc.start()
    with pytest.raises(UsageError, match="is larger than 64 KB"):
        load_profile(file)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
