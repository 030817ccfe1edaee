"""What the tables, sketches and plots read of a result file, checked before any of them reads it."""

from collections.abc import Mapping
from typing import Any

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
    "energy?": {"gross_mj": NUMBER, "net_mj": NUMBER, "load_w": NUMBER, "idle_w": NUMBER, "meter": TEXT},
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
