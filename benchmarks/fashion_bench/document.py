"""The JSON that `--json` writes and `report` reads: one run, or several merged from like machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fashion_bench.machine import unlike
from fashion_bench.results import Result, result_from_json
from fashion_edge.errors import UsageError

Shape = type | tuple[type, ...] | list[Any] | dict[str, Any]

NUMBER, TEXT = (int, float), str
NO_NUMBER, NO_TEXT = (int, float, type(None)), (str, type(None))  # or null
MOST = 1e300  # nan, inf and whole numbers that no float holds are no measurements

MACHINE = {
    "board": NO_TEXT, "cpu": TEXT, "arch": TEXT, "cores": NO_NUMBER, "features": [TEXT], "memory_gb": NO_NUMBER,
    "governor": NO_TEXT, "python": TEXT, "runtimes": dict,
}  # fmt: skip
ROUND = {
    "samples": int, "import_ms": NUMBER, "load_ms": NUMBER, "first_ms": NUMBER, "warmup_ms": list, "seconds": NUMBER,
    "other_cores": NO_NUMBER, "clock_mhz": list, "temperature_c": list, "throttled": list,
}  # fmt: skip
RESULT = {
    "variant": NO_TEXT, "runtime": TEXT, "engine": TEXT, "precision": TEXT, "threads": int, "bytes": int,
    "verdict": TEXT, "reasons": [TEXT], "samples_ms": list, "rounds": [ROUND],
    "memory?": {"rss_mb?": NO_NUMBER},
    "accuracy?": {"exact_match?": NO_NUMBER},
    "ceiling?": {"operations": NO_NUMBER, "peak_gops?": NO_NUMBER},
    "operators?": [{"name": TEXT, "ms": NUMBER, "share": NUMBER}],
}  # fmt: skip
STAGED = {
    "name": TEXT, "fps_asked": NO_NUMBER, "fps": NUMBER, "cpu_ms_per_frame": NUMBER, "cores_busy": NUMBER,
    "stages_ms": {stage: [NUMBER] for stage in ("capture", "preprocess", "infer", "decide", "draw", "encode")},
}  # fmt: skip
SUSTAINED = {
    "name": TEXT, "verdict": TEXT, "reasons": [TEXT], "burst_p50_ms": NUMBER, "sustained_p50_ms": NUMBER,
    "ratio": NUMBER, "windows": [{"start_s": NUMBER, "p50_ms": NUMBER, "p90_ms": NUMBER, "temperature_c": NO_NUMBER}],
}  # fmt: skip
DOCUMENT = {
    "created": TEXT, "command": TEXT, "bundle": dict, "machine": MACHINE, "settings": dict, "load": dict,
    "results": [RESULT], "floor": (dict, type(None)), "skipped": [{"reason": TEXT}],
    "sections": {"end_to_end?": [STAGED], "sustained?": [SUSTAINED]},
}  # fmt: skip


def check_document(root: Mapping[str, Any]) -> None:
    """Check a decoded result file of this schema.

    Raises:
        TypeError, ValueError: names the first thing that the tables could not read.
    """
    check(root, DOCUMENT, "it")
    if root["floor"]:
        check(root["floor"], RESULT, "floor")
    for result in (*root["results"], root["floor"] or {"samples_ms": []}):
        if not all(type(ms) in NUMBER and 0 < ms < MOST for ms in result["samples_ms"]):
            raise ValueError("samples_ms must be numbers above 0")
    for found in root["sections"].get("end_to_end", ()):
        if len({len(ms) for ms in found["stages_ms"].values()}) > 1 or not found["stages_ms"]["infer"]:
            raise ValueError("stages_ms must hold one number a frame for each stage")
    if not all(run["windows"] for run in root["sections"].get("sustained", ())):
        raise ValueError("windows is empty")


def check(value: object, shape: Shape, name: str) -> None:
    """Check decoded JSON.

    Args:
        value: what was decoded.
        shape: a type or several, a list with the shape of every entry, or an object's keys with a shape each, where
            `key?` may be missing.
        name: what the message calls it.

    Raises:
        TypeError, ValueError: names the first place that is not of its shape.
    """
    kind = type(shape) if isinstance(shape, list | dict) else shape
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise TypeError(f"{name} must be {wanted}, not {value!r:.40}")
    if isinstance(value, int | float) and not abs(value) < MOST:
        raise ValueError(f"{name} must be a number, not {value!r:.40}")
    if isinstance(shape, list) and isinstance(value, list):
        for entry in value:
            check(entry, shape[0], f"an entry of {name}")
    if isinstance(shape, dict) and isinstance(value, dict):
        _check_keys(value, shape, name)


def _check_keys(value: Mapping[str, Any], shape: Mapping[str, Any], name: str) -> None:
    for key, inner in shape.items():
        plain = key.removesuffix("?")
        if plain in value:
            check(value[plain], inner, plain)
        elif plain == key:
            raise ValueError(f"{name} has no {key}")


SCHEMA = 1
KIND = "fashion-bench"
MAX_BYTES = 512 << 20
NOTES = {
    "*_ms": "milliseconds",
    "samples_ms": "every steady inference, rounds one after another; rounds[i].samples of them belong to round i",
    "warmup_ms": "inferences before the steady block of that round; in no figure",
    "first_ms": "first inference after loading, median over the rounds; each round is a new process",
    "import_ms": "importing the runtime, median over the rounds; not part of load_ms",
    "load_ms": "reading, hashing and loading the model file, median over the rounds",
    "pNN_interval_ms": "95 % distribution-free interval from order statistics; null: too few samples, see pNN_note",
    "mad_ms": "median absolute deviation from the median, unscaled",
    "other_cores": "cores kept busy by other programs during the steady block",
    "rss_mb": "resident memory after inference, from a separate pass; MB of 2^20 bytes",
}


@dataclass(frozen=True)
class Document:
    """Everything that one run found."""

    created: str  # ISO 8601, UTC
    command: str
    bundle: Mapping[str, Any]
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    load: Mapping[str, Any]  # load averages before and after
    results: tuple[Result, ...]
    floor: Result | None
    skipped: tuple[Mapping[str, Any], ...] = ()
    sections: Mapping[str, Any] | None = None  # end_to_end, sustained, peaks, ...

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with a note for each unit."""
        return {
            "schema": SCHEMA,
            "kind": KIND,
            "notes": NOTES,
            "created": self.created,
            "command": self.command,
            "bundle": dict(self.bundle),
            "machine": dict(self.machine),
            "settings": dict(self.settings),
            "load": dict(self.load),
            "results": [result.to_json() for result in self.results],
            "floor": self.floor.to_json() if self.floor else None,
            "skipped": [dict(entry) for entry in self.skipped],
            "sections": dict(self.sections or {}),
        }


def read_document(path: Path) -> Document:
    """Read what `--json` wrote.

    Raises:
        UsageError: missing, not JSON, not of this kind or schema, or without what that schema has.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB, which no benchmark result is")
        root = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); write one with fashion-bench --json") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON ({error}); write one with fashion-bench --json") from error
    if not isinstance(root, dict) or root.get("kind") != KIND:
        raise UsageError(f"{path} is not a fashion-bench result; write one with fashion-bench --json")
    if root.get("schema") != SCHEMA:
        raise UsageError(f"{path} has schema {root.get('schema')!r}, this version reads {SCHEMA}; measure it again")
    try:
        check_document(root)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path} is not whole: {error}; measure it again") from error
    return _parse(root)


def merge(documents: Sequence[tuple[Path, Document]]) -> Document:
    """One document with the results of all, which must come from like machines.

    Raises:
        UsageError: two machines differ, and the sentence says in what, or two bundles, whose rows have the same names.
    """
    first_path, first = documents[0]
    for path, other in documents[1:]:
        refuse_unlike(first_path, first, path, other)
        if other.bundle.get("files") != first.bundle.get("files"):
            raise UsageError(
                f"{first_path} and {path} are of two bundles, whose rows would have the same names; "
                "hold one against the other with --baseline"
            )
    return replace(
        first,
        results=tuple(result for _, document in documents for result in document.results),
        skipped=tuple(entry for _, document in documents for entry in document.skipped),
        sections=_merge_sections([document.sections or {} for _, document in documents]),
    )


def refuse_unlike(one_path: Path, one: Document, other_path: Path, other: Document) -> None:
    """Raise `UsageError` where the two were measured on machines that are not alike."""
    if differences := unlike(one.machine, other.machine):
        raise UsageError(
            f"{one_path} and {other_path} come from unlike machines ({'; '.join(differences)}), so their figures "
            "cannot stand side by side; measure both on one machine"
        )


def _merge_sections(sections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for section in sections:
        for key, value in section.items():
            merged[key] = merged[key] + value if isinstance(merged.get(key), list) else value
    return merged


def _parse(root: Mapping[str, Any]) -> Document:
    return Document(
        created=root["created"],
        command=root["command"],
        bundle=root["bundle"],
        machine=root["machine"],
        settings=root["settings"],
        load=root["load"],
        results=tuple(result_from_json(entry) for entry in root["results"]),
        floor=result_from_json(root["floor"]) if root["floor"] else None,
        skipped=tuple(root["skipped"]),
        sections=root["sections"],
    )
