"""The JSON that `--json` writes and `report` reads: one run, or several merged from like machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fashion_bench.machine import unlike
from fashion_bench.results import Result, result_from_json
from fashion_bench.shape import check_document
from fashion_edge.errors import UsageError

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
    "energy_mj": "only ever from a meter",
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
