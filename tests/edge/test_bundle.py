import json

import pytest

from fashion_edge.bundle import (
    MAX_GOLDEN_BYTES,
    MAX_MODEL_BYTES,
    load_bundle,
    parse_label_space,
    parse_manifest,
)
from fashion_edge.errors import BundleError, ModelError


def test_a_manifest_is_read_back_as_it_was_written(shipped):
    again = parse_manifest(json.dumps(shipped.manifest.to_json()).encode())
    assert again == shipped.manifest


def test_the_first_variant_is_the_default_and_others_are_found_by_name(shipped):
    assert shipped.find().name == "litert int8"
    assert shipped.find(runtime="onnx").runtime == "onnx"
    assert shipped.find(precision="float32").precision == "float32"
    with pytest.raises(BundleError, match="no variant 'onnx int16x8'; it has litert int8"):
        shipped.find("onnx", "int16x8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(schema=0), "schema 0 is not 1"),
        (lambda m: m.update(schema="2"), "schema '2' is not 1"),
        (lambda m: m.pop("schema"), "schema None is not 1"),
        (lambda m: m.pop("labels"), "object missing required field labels"),
        (lambda m: m.update(labels=["red", "red"]), "labels must be 1..1000 different words"),
        (lambda m: m.update(labels="red"), "labels: expected array, got str"),
        (lambda m: m["groups"].update(colour=["red", "green"]), "groups name .*'green'.*, which labels does not"),
        (lambda m: m["groups"].update(other=["red"]), "a label may be in one group only"),
        (lambda m: m["thresholds"].pop("red"), "thresholds must give each label a number"),
        (lambda m: m["thresholds"].update(red=1.5), "thresholds must give each label a number"),
        (lambda m: m["thresholds"].update(red=float("nan")), "the manifest is not valid JSON"),
        (lambda m: m["thresholds"].update(red=True), r"thresholds\[\.\.\.\]: expected float, got bool"),
        (lambda m: m["thresholds"].update(red=10**400), r"thresholds\[\.\.\.\]: number out of range"),
        (lambda m: m["thresholds"].update({"\x1b[2J": 0.5}), r"thresholds must give each label .*x1b\[2J"),
        (lambda m: m.update(labels=["red", ""]), "a label must be 1..255 printable characters"),
        (lambda m: m.update(labels=["\x1b[2J"]), r"a label must be 1..255 printable characters.*not '\\x1b"),
        (lambda m: m.update(labels=["red\nblue"]), "a label must be 1..255 printable characters"),
        (lambda m: m.update(labels=["\ud800"]), "the manifest is not valid JSON"),
        (lambda m: m.update(labels=["x" * 256]), "a label must be 1..255 printable characters"),
        (lambda m: m.update(labels=[".."]), "a label must be .* and not . or .., not '..'"),
        (lambda m: m["groups"].update({"\x1b[2J": ["red"]}), "a group must be 1..255 printable characters"),
        (lambda m: m["input"].update(height=0), "input size 0 x"),
        (lambda m: m["input"].update(channels="GBR"), "channels 'GBR' is not one of RGB, BGR"),
        (lambda m: m["input"].pop("fit"), "input: missing key fit"),
        (lambda m: m.update(variants=[]), "variants is empty"),
        (lambda m: m["variants"][0].update(file="../../etc/passwd"), "'../../etc/passwd' is not a plain name"),
        (lambda m: m["variants"][0].update(file="/etc/passwd"), "'/etc/passwd' is not a plain name"),
        (lambda m: m["variants"][0].update(file=".."), "'..' is not a plain name"),
        (lambda m: m["variants"][0].update(file="\x1b[2J"), "is not a plain name"),
        (lambda m: m["variants"][0].update(runtime="tensorrt"), "runtime 'tensorrt' of .* is not one of litert, onnx"),
        (lambda m: m["variants"][0].update(precision="int4"), "precision 'int4' of .* is not one of int8"),
        (lambda m: m["golden"].update(file="a/b.npz"), "'a/b.npz' is not a plain name"),
        (lambda m: m["golden"].update(tolerance={"int8": 0.9}), r"golden tolerances must lie in \(0, 0.5\)"),
        (lambda m: m["golden"].update(tolerance={"int8": 10**400}), r"golden.tolerance\[\.\.\.\]: number out of range"),
        (lambda m: m.update(runtime={"smooth_s": 10**400}), "runtime.smooth_s: number out of range"),
    ],
)
def test_an_invalid_manifest_is_refused_with_the_value(edit_manifest, change, said):
    with pytest.raises(BundleError, match=f"{said}.*; export the bundle again: fashion-export RUN --overwrite$"):
        load_bundle(edit_manifest(change))


def test_a_bundle_of_a_later_version_asks_for_an_update(edit_manifest):
    with pytest.raises(BundleError, match=r"schema 2 is not 1, the one this version reads; update fashion-edge$"):
        load_bundle(edit_manifest(lambda m: m.update(schema=2)))


@pytest.mark.parametrize("label", ["größe", "赤", "t-shirt/top", "نیم\u200cتنه", "jupe-culotte"])
def test_a_label_may_be_a_word_of_any_language(label):
    space = parse_label_space({"labels": [label], "groups": {label: [label]}, "thresholds": {label: 0.5}})
    assert space.labels == (label,)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_a_manifest_that_is_not_json_or_no_object_is_refused(bundle_copy, text):
    (bundle_copy / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(bundle_copy)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", "has no manifest.json, so it is not a bundle; make one with fashion-export"),
        ("gone", "is not a bundle folder"),
        ("sent.zip", "is a file, a bundle is a folder; name the folder, an archive unpacked"),
    ],
)
def test_a_path_that_is_not_a_bundle_is_refused(tmp_path, name, said):
    (tmp_path / "sent.zip").touch()
    with pytest.raises(BundleError, match=said):
        load_bundle(tmp_path / name)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file, data: file.write_bytes(data[:-100]), r"has \d+ bytes, the manifest says \d+"),
        (lambda file, data: file.write_bytes(data[:-1] + bytes([data[-1] ^ 1])), "does not have the hash"),
        (lambda file, data: file.unlink(), "is missing though the manifest names it"),
    ],
    ids=["cut", "swapped", "lost"],
)
def test_a_damaged_model_file_is_refused(bundle_copy, damage, said):
    bundle = load_bundle(bundle_copy)
    file = bundle_copy / bundle.find().file
    damage(file, file.read_bytes())
    with pytest.raises(ModelError, match=said):
        bundle.read(bundle.find())


def test_a_file_too_large_for_any_device_is_refused_before_it_is_read(edit_manifest):
    bundle = load_bundle(edit_manifest(lambda m: m["variants"][0].update(bytes=MAX_MODEL_BYTES + 1)))
    model, golden = bundle.path / bundle.find().file, bundle.path / bundle.manifest.golden.file
    for path, size in ((model, MAX_MODEL_BYTES + 1), (golden, MAX_GOLDEN_BYTES + 1)):
        with path.open("r+b") as file:
            file.truncate(size)  # takes no room on the disk
    with pytest.raises(ModelError, match="has 512 MB, above the limit of 512"):
        bundle.read(bundle.find())
    with pytest.raises(ModelError, match="has 64 MB, above the limit of 64"):
        bundle.read_golden()
