"""The bundle: a folder with a model in several variants, its manifest, and golden inputs to verify it.

A bundle is an untrusted file: names that leave the folder are refused, sizes are bounded, hashes are compared before a
runtime reads a byte, nothing is unpickled. The schema is in docs/bundle.md.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from fashion_edge.decide import LabelSpace, Smoothing
from fashion_edge.defaults import PRECISIONS, RUNTIMES
from fashion_edge.errors import BundleError, ModelError, NewerBundleError
from fashion_edge.preprocess import InputSpec
from fashion_edge.typed_json import convert_json, decode_json, read_bounded

SCHEMA = 1
AGAIN = "export the bundle again: fashion-export RUN --overwrite"
MANIFEST = "manifest.json"
MAX_LABELS = 1000
MAX_WORD = 255  # characters: fashion-train takes labels from folder names, which are not longer
MAX_MANIFEST_BYTES = 4 << 20
MAX_MODEL_BYTES = 512 << 20
MAX_GOLDEN_BYTES = 64 << 20
JOINERS = {0x200C: None, 0x200D: None}  # not printable, but within words of Persian and Hindi


@dataclass(frozen=True)
class Variant:
    """One model file of a bundle."""

    file: str
    runtime: str  # one of RUNTIMES
    precision: str  # one of PRECISIONS
    bytes: int
    sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_plain_name(self.file)
        for key, value, known in (("runtime", self.runtime, RUNTIMES), ("precision", self.precision, PRECISIONS)):
            if value not in known:
                raise BundleError(f"{key} {value!r:.60} of {self.file} is not one of {', '.join(known)}")

    @property
    def name(self) -> str:
        """`litert int8`, as tables and messages show it."""
        return f"{self.runtime} {self.precision}"


@dataclass(frozen=True)
class Golden:
    """The file of golden inputs, and how far the scores of a variant may differ from the recorded ones."""

    file: str
    sha256: str
    tolerance: Mapping[str, float]  # precision -> largest score difference allowed, in (0, 0.5)

    def __post_init__(self) -> None:
        _check_plain_name(self.file)
        if not all(0 < value < 0.5 for value in self.tolerance.values()):
            raise BundleError(f"golden tolerances must lie in (0, 0.5), not {self.tolerance!r:.200}")


@dataclass(frozen=True)
class Manifest:
    """Content of manifest.json, checked."""

    space: LabelSpace
    input: InputSpec
    variants: tuple[Variant, ...]
    golden: Golden
    provenance: Mapping[str, Any]
    created: str  # ISO 8601, UTC
    live: Smoothing = field(default_factory=Smoothing)

    def to_json(self) -> dict[str, Any]:
        """Return the dictionary that `parse_manifest` reads back."""
        return {
            "schema": SCHEMA,
            "created": self.created,
            "labels": list(self.space.labels),
            "groups": {name: list(members) for name, members in self.space.groups.items()},
            "input": vars(self.input),
            "thresholds": dict(self.space.thresholds),
            "variants": [vars(variant) for variant in self.variants],
            "golden": vars(self.golden),
            "provenance": dict(self.provenance),
            "runtime": vars(self.live),
        }


@dataclass(frozen=True)
class Bundle:
    """A folder with a checked manifest; the hash of a file is checked when it is read."""

    path: Path
    manifest: Manifest

    def find(self, runtime: str | None = None, precision: str | None = None) -> Variant:
        """Return the first variant that fits, in the manifest's order of preference.

        Raises:
            BundleError: none fits; the message lists the variants of the bundle.
        """
        for variant in self.manifest.variants:
            if runtime in (None, variant.runtime) and precision in (None, variant.precision):
                return variant
        wanted = " ".join(word for word in (runtime, precision) if word)
        known = ", ".join(variant.name for variant in self.manifest.variants)
        raise BundleError(f"{self.path} has no variant {wanted!r}; it has {known}")

    def read(self, variant: Variant) -> bytes:
        """Read a model file, and compare its length and hash with the manifest."""
        return read_checked(self.path / variant.file, variant.sha256, MAX_MODEL_BYTES, variant.bytes)

    def read_golden(self) -> bytes:
        """Read the golden file, and compare its hash with the manifest."""
        return read_checked(self.path / self.manifest.golden.file, self.manifest.golden.sha256, MAX_GOLDEN_BYTES)


class _Labels(msgspec.Struct):
    """Keys that manifest.json and run.json share."""

    labels: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    thresholds: dict[str, float]


class _ManifestFile(_Labels):
    """manifest.json as it is written."""

    input: dict[str, Any]
    variants: tuple[Variant, ...]
    golden: Golden
    provenance: dict[str, Any]
    created: str
    runtime: Smoothing = msgspec.field(default_factory=Smoothing)


class _Version(msgspec.Struct):
    schema: Any = None


def load_bundle(path: Path) -> Bundle:
    """Read and check `path/manifest.json`.

    Raises:
        BundleError: no such folder, no manifest, or any value out of range.
        NewerBundleError: a later version wrote it.
    """
    file = path / MANIFEST
    if path.is_file():
        raise BundleError(f"{path} is a file, a bundle is a folder; name the folder, an archive unpacked")
    if not path.is_dir():
        raise BundleError(f"{path} is not a bundle folder; make one with fashion-export")
    if not file.is_file():
        raise BundleError(f"{path} has no {MANIFEST}, so it is not a bundle; make one with fashion-export")
    try:
        return Bundle(path, parse_manifest(read_bounded(file, MAX_MANIFEST_BYTES, BundleError)))
    except NewerBundleError as error:
        raise NewerBundleError(f"{file}: {error}; update fashion-edge") from error
    except BundleError as error:
        raise BundleError(f"{file}: {error}; {AGAIN}") from error


def parse_manifest(data: bytes) -> Manifest:
    """Decode the text of a manifest.json and check every value; raises `BundleError` for the first that is wrong."""
    schema = decode_json(data, _Version, "the manifest", BundleError).schema
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        kind = NewerBundleError if newer else BundleError
        raise kind(f"schema {schema!r:.60} is not {SCHEMA}, the one this version reads")
    root = decode_json(data, _ManifestFile, "", BundleError)
    if not root.variants:
        raise BundleError("variants is empty, so there is no model to run")
    return Manifest(
        space=_make_label_space(root),
        input=parse_input_spec(root.input),
        variants=root.variants,
        golden=root.golden,
        provenance=root.provenance,
        created=root.created,
        live=root.runtime,
    )


def parse_label_space(root: Mapping[str, Any]) -> LabelSpace:
    """Check the keys labels, groups and thresholds of a decoded run.json; errors as for `parse_manifest`."""
    return _make_label_space(convert_json(root, _Labels, "", BundleError))


def _make_label_space(root: _Labels) -> LabelSpace:
    labels, groups, thresholds = root.labels, root.groups, root.thresholds
    for kind, words in (("label", labels), ("group", groups)):
        if bad := [word for word in words if not is_word(word)]:
            reason = f"1..{MAX_WORD} printable characters, and not . or .., not {bad[0]!r:.60}"
            raise BundleError(f"a {kind} must be {reason}")
    if not 1 <= len(labels) <= MAX_LABELS or len(set(labels)) != len(labels):
        raise BundleError(f"labels must be 1..{MAX_LABELS} different words, not {list(labels)[:8]}")
    grouped = [label for members in groups.values() for label in members]
    if unknown := sorted(set(grouped) - set(labels)):
        raise BundleError(f"groups name {unknown}, which labels does not")
    if len(set(grouped)) != len(grouped) or not all(groups.values()):
        raise BundleError("a label may be in one group only, and no group may be empty")
    if set(thresholds) != set(labels) or not all(0 < value <= 1 for value in thresholds.values()):
        raise BundleError(f"thresholds must give each label a number in (0, 1], not {thresholds!r:.400}")
    return LabelSpace(labels, groups, {label: thresholds[label] for label in labels})


def parse_input_spec(entry: Mapping[str, Any]) -> InputSpec:
    """Check the key input of a manifest.json or run.json; errors as for `parse_manifest`."""
    if missing := [key.name for key in fields(InputSpec) if key.name not in entry]:
        raise BundleError(f"input: missing key {missing[0]}")
    return convert_json(entry, InputSpec, "input", BundleError)


def is_plain(text: str) -> bool:
    """Return whether all characters are printable: none steers a terminal, and UTF-8 can encode them all."""
    return text.translate(JOINERS).isprintable()


def is_word(text: str) -> bool:
    """Return whether the text may be the name of a label or a group."""
    return 1 <= len(text) <= MAX_WORD and is_plain(text) and text not in (".", "..")


def read_checked(path: Path, sha256: str, most: int, size: int | None = None) -> bytes:
    """Read a file of at most `most` bytes, and compare its hash, and its length where given.

    Raises:
        ModelError: missing, too large, of another length, or of another hash.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing though the manifest names it; {AGAIN}")
    actual = path.stat().st_size
    if size is not None and actual != size:
        raise ModelError(f"{path} has {actual} bytes, the manifest says {size}: cut short or swapped; {AGAIN}")
    if actual > most:
        raise ModelError(f"{path} has {actual >> 20} MB, above the limit of {most >> 20}; export a smaller one")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path} does not have the hash that the manifest names: swapped or damaged; {AGAIN}")
    return data


def _check_plain_name(name: str) -> None:
    if name != Path(name).name or name in ("", ".", "..") or "\\" in name or not name.isprintable():
        raise BundleError(f"file {name!r:.60} is not a plain name inside the bundle")
