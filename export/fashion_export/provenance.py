"""Where a bundle comes from: the run, the photos, the versions. No path of the machine that made it."""

import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fashion_export.source import Source

PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy", "fashion-edge")


def provenance(source: Source, command: str) -> dict[str, Any]:
    """The manifest's key of that name."""
    facts = source.facts
    data = facts.get("dataset") or {}
    return {
        "run": {
            "name": source.name,
            "created": facts.get("created"),
            "seed": facts.get("seed"),
            "command": without_paths(str(facts.get("command", ""))),
            "model": {key: value for key, value in (facts.get("model") or {}).items() if key != "file"},
            "metrics": facts.get("metrics") or {},
            "negatives": facts.get("negatives") or {},
            "recoloured": facts.get("recoloured") or {},
            "baseline": facts.get("baseline") or {},
            "versions": facts.get("versions", {}),
        },
        "dataset": {
            "name": source.root.resolve().name,
            "sha256": data.get("sha256"),
            "photos": data.get("photos"),
            "counts": data.get("counts") or {},
        },
        "command": without_paths(command),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def without_paths(command: str) -> str:
    """A command line with each path cut to its last part: the folders of one machine say nothing to another."""
    try:
        words = shlex.split(command)
    except ValueError:  # of a run that somebody wrote by hand
        words = command.split()
    return shlex.join(map(_without_folders, words))


def _without_folders(word: str) -> str:
    """A word of a command line; of `--flag=/a/path` the flag stays."""
    flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{flag}{equals}{Path(value).name if '/' in value else value}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
