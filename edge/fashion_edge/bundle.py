"""The bundle: a folder that holds a model in several variants, its manifest, and the proof that it still works.

A bundle is a stranger's file until checked: names that leave the folder are refused, sizes are bounded, hashes
are compared before a runtime sees a byte, nothing is unpickled. The schema is in docs/bundle.md.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from fashion_edge.decide import LabelSpace
from fashion_edge.defaults import PRECISIONS, RUNTIMES
from fashion_edge.errors import BundleError, ModelError, NewerBundleError
from fashion_edge.preprocess import InputSpec

SCHEMA = 1
AGAIN = "export the bundle again: fashion-export RUN --overwrite"
MANIFEST = "manifest.json"
MAX_LABELS = 1000
MAX_WORD = 255  # characters: fashion-train takes labels from names of folders, which are no longer
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

    @property
    def name(self) -> str:
        """`litert int8`: what tables and messages call it."""
        return f"{self.runtime} {self.precision}"


@dataclass(frozen=True)
class Golden:
    """Where the golden inputs are, and how far a variant's scores may lie from the recorded ones."""

    file: str
    sha256: str
    tolerance: Mapping[str, float]  # precision -> largest score difference allowed


Minute = Annotated[float, msgspec.Meta(ge=0, le=60)]  # in seconds
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class LiveDefaults:
    """How a live picture is decided on unless a flag says otherwise; a bundle may bring its own."""

    smooth_s: Minute = 0.25  # time constant of the smoothing; 0 decides on each frame alone
    hysteresis: Fraction = 0.1  # score by which a shown label may fall below its threshold and stay
    dwell_s: Minute = 0.2  # what is shown stays at least so long


@dataclass(frozen=True)
class Manifest:
    """manifest.json, checked."""

    space: LabelSpace
    input: InputSpec
    variants: tuple[Variant, ...]
    golden: Golden
    provenance: Mapping[str, Any]
    created: str  # ISO 8601, UTC
    live: LiveDefaults = LiveDefaults()

    def to_json(self) -> dict[str, Any]:
        """The dictionary that `parse_manifest` reads back."""
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
    """A folder with a checked manifest; model files are hashed when they are asked for."""

    path: Path
    manifest: Manifest

    def find(self, runtime: str | None = None, precision: str | None = None) -> Variant:
        """The first variant that fits, in the manifest's order of preference.

        Raises:
            BundleError: none fits; the message lists what there is.
        """
        for variant in self.manifest.variants:
            if runtime in (None, variant.runtime) and precision in (None, variant.precision):
                return variant
        asked = " ".join(word for word in (runtime, precision) if word)
        there = ", ".join(variant.name for variant in self.manifest.variants)
        raise BundleError(f"{self.path} has no variant {asked!r}; it has {there}")

    def read(self, variant: Variant) -> bytes:
        """The bytes of a model file, after its length and hash were compared with the manifest."""
        return read_checked(self.path / variant.file, variant.sha256, MAX_MODEL_BYTES, variant.bytes)

    def read_golden(self) -> bytes:
        """The bytes of the golden file, hash compared."""
        return read_checked(self.path / self.manifest.golden.file, self.manifest.golden.sha256, MAX_GOLDEN_BYTES)


def load_bundle(path: Path) -> Bundle:
    """Read and check `path/manifest.json`.

    Raises:
        BundleError: no such folder, no manifest, another schema, or any value out of range.
    """
    file = path / MANIFEST
    if not path.is_dir():
        if path.is_file():
            raise BundleError(f"{path} is a file, a bundle is a folder; name the folder, an archive unpacked")
        raise BundleError(f"{path} is not a bundle folder; make one with fashion-export")
    if not file.is_file():
        raise BundleError(f"{path} has no {MANIFEST}, so it is not a bundle; make one with fashion-export")
    if file.stat().st_size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{file} is larger than {MAX_MANIFEST_BYTES >> 20} MB, which no manifest is")
    try:
        data = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file} is not valid JSON ({error}); {AGAIN}") from error
    try:
        return Bundle(path, parse_manifest(data))
    except BundleError as error:
        if _is_newer(data):
            raise NewerBundleError(f"{file}: {error}; update fashion-edge") from error
        raise BundleError(f"{file}: {error}; {AGAIN}") from error


def parse_manifest(data: object) -> Manifest:
    """Check a decoded manifest.json and build the `Manifest`.

    Raises:
        BundleError: the first thing that is wrong, in one sentence.
    """
    root = _typed(data, dict, "the manifest")
    if root.get("schema") != SCHEMA:
        raise BundleError(f"schema {root.get('schema')!r:.60} is not {SCHEMA}, the one this version reads")
    space = parse_label_space(root)
    variants = tuple(_parse_variant(entry) for entry in _get(root, "variants", list))
    if not variants:
        raise BundleError("variants is empty, so there is no model to run")
    return Manifest(
        space=space,
        input=parse_input_spec(_get(root, "input", dict)),
        variants=variants,
        golden=_parse_golden(_get(root, "golden", dict)),
        provenance=_get(root, "provenance", dict),
        created=_get(root, "created", str),
        live=parse_live(root.get("runtime", {}), "runtime"),
    )


def _is_newer(data: object) -> bool:
    """Whether a later version of fashion-edge defined the schema of a decoded manifest."""
    schema = data.get("schema") if isinstance(data, dict) else None
    return isinstance(schema, int) and schema > SCHEMA


def parse_label_space(root: Mapping[str, Any]) -> LabelSpace:
    """Check the keys labels, groups and thresholds of a manifest.json or run.json."""
    labels = tuple(_word(label, "a label") for label in _get(root, "labels", list))
    if not 1 <= len(labels) <= MAX_LABELS or len(set(labels)) != len(labels):
        raise BundleError(f"labels must be 1..{MAX_LABELS} different words, not {list(labels)[:8]}")
    groups = {
        _word(name, "a group"): tuple(
            _typed(label, str, f"a label of group {name}") for label in _typed(members, list, f"group {name}")
        )
        for name, members in _get(root, "groups", dict).items()
    }
    grouped = [label for members in groups.values() for label in members]
    if strangers := sorted(set(grouped) - set(labels)):
        raise BundleError(f"groups name {strangers}, which labels does not")
    if len(set(grouped)) != len(grouped) or not all(groups.values()):
        raise BundleError("a label may stand in one group only, and no group may be empty")
    entries = _get(root, "thresholds", dict)
    thresholds = {label: parse_number(entries[label], f"threshold of {label}") for label in labels if label in entries}
    if set(entries) != set(labels) or not all(0 < value <= 1 for value in thresholds.values()):
        raise BundleError(f"thresholds must give each label a number in (0, 1], not {entries}")
    return LabelSpace(labels, groups, thresholds)


def parse_input_spec(entry: Mapping[str, Any]) -> InputSpec:
    """Check the key input of a manifest.json or run.json."""
    size = {key: _get(entry, key, int) for key in ("height", "width")}
    words = {key: _get(entry, key, str) for key in ("channels", "dtype", "layout", "fit")}
    return InputSpec(**size, **words)


def _parse_variant(entry: object) -> Variant:
    root = _typed(entry, dict, "a variant")
    variant = Variant(
        file=_plain_name(_get(root, "file", str)),
        runtime=_get(root, "runtime", str),
        precision=_get(root, "precision", str),
        bytes=_get(root, "bytes", int),
        sha256=_get(root, "sha256", str),
        metrics=_get(root, "metrics", dict),
    )
    if variant.runtime not in RUNTIMES:
        raise BundleError(f"runtime {variant.runtime!r} of {variant.file} is not one of {', '.join(RUNTIMES)}")
    if variant.precision not in PRECISIONS:
        raise BundleError(f"precision {variant.precision!r} of {variant.file} is not one of {', '.join(PRECISIONS)}")
    return variant


def _parse_golden(entry: Mapping[str, Any]) -> Golden:
    tolerance = {
        precision: parse_number(value, "a golden tolerance")
        for precision, value in _get(entry, "tolerance", dict).items()
    }
    if not all(0 < value < 0.5 for value in tolerance.values()):
        raise BundleError(f"golden tolerances must lie in (0, 0.5), not {tolerance}")
    return Golden(_plain_name(_get(entry, "file", str)), _get(entry, "sha256", str), tolerance)


def parse_live(entry: object, name: str) -> LiveDefaults:
    """Check how a live picture is decided on; keys that are not there keep their defaults.

    Raises:
        BundleError: no object, or a value that the flags would not take; `name` is what the message calls it.
    """
    root = _typed(entry, dict, name)
    most = {"smooth_s": 60.0, "hysteresis": 1.0, "dwell_s": 60.0}
    values = {key: parse_number(root[key], f"{name}.{key}") for key in most if key in root}
    if bad := [key for key, value in values.items() if not 0 <= value <= most[key]]:
        raise BundleError(f"{name}.{bad[0]} must lie in 0..{most[bad[0]]:g}, not {values[bad[0]]:g}")
    return LiveDefaults(**values)


def parse_number(value: object, name: str) -> float:
    """A number of decoded JSON as a float, which may still be inf or nan.

    Raises:
        BundleError: no number, or a whole one that no float holds; `name` is what the message calls it.
    """
    try:
        return float(_typed(value, (int, float), name))
    except OverflowError as error:
        raise BundleError(f"{name} must be a number below 1e308, not {value!r:.20}...") from error


def is_plain(text: str) -> bool:
    """Whether text is of printable characters only: none steers a terminal, and UTF-8 has them all."""
    return text.translate(JOINERS).isprintable()


def is_word(text: str) -> bool:
    """Whether a label or a group may be called so."""
    return 1 <= len(text) <= MAX_WORD and is_plain(text) and text not in (".", "..")


def read_checked(path: Path, sha256: str, most: int, size: int | None = None) -> bytes:
    """Read a file of at most `most` bytes whose hash, and length where given, the manifest names.

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


def _plain_name(name: str) -> str:
    if name != Path(name).name or name in ("", ".", "..") or "\\" in name or not name.isprintable():
        raise BundleError(f"file {name!r} is not a plain name inside the bundle")
    return name


def _word(value: object, name: str) -> str:
    word: str = _typed(value, str, name)
    if not is_word(word):
        raise BundleError(f"{name} must be 1..{MAX_WORD} printable characters, and not . or .., not {word!r:.60}")
    return word


def _get(root: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    if key not in root:
        raise BundleError(f"key {key!r} is missing")
    return _typed(root[key], kind, key)


def _typed(value: object, kind: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise BundleError(f"{name} must be {wanted}, not {value!r:.60}")
    return value
