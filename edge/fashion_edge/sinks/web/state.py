"""The documents of `/api/state` and of each picture."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashion_edge.result import Result, WallClock, result_record
from fashion_edge.telemetry import Telemetry

if TYPE_CHECKING:
    from fashion_edge.sinks.web.board import Board


@dataclass(frozen=True)
class SourceState:
    """Where frames come from, and whether they do."""

    name: str
    state: str  # starting, live, lost or ended
    detail: str  # one sentence, or nothing
    since: float  # monotonic seconds

    def record(self, wall: WallClock) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "since": wall.iso(self.since)}


def describe_result(result: Result, wall: WallClock) -> dict[str, Any]:
    """A labelled frame: the JSON line's keys, smoothed scores, the box in fractions; rate and ages, null for photos."""
    height, width = result.frame.image.shape[:2]
    box, vitals = result.box, result.vitals
    figures = {
        name: round(getattr(vitals, name), 2) if vitals else None for name in ("fps", "age_p50_ms", "age_p99_ms")
    }
    return {
        **result_record(result, wall),
        "smoothed": {label: round(float(x), 4) for label, x in zip(result.labels, result.smoothed, strict=True)},
        "size": [width, height],
        "box": [
            round(part, 4) for part in (box.left / width, box.top / height, box.width / width, box.height / height)
        ],
        **figures,
    }


def silent_s(result: Result | None) -> float | None:
    """Seconds since the newest labelled frame was captured; None before the first."""
    return round(time.monotonic() - result.frame.captured_at, 2) if result else None


def describe_run(board: "Board", telemetry: Telemetry, process: Mapping[str, float], clients: int) -> dict[str, Any]:
    """`/api/state`: the source, the newest result, the model's words, the machine and the run so far."""
    result, counts, space = board.result, board.counts, board.space
    return {
        "source": board.source.record(board.wall),
        "silent_s": silent_s(result),
        "result": describe_result(result, board.wall) if result else None,
        "space": {
            "labels": list(space.labels),
            "groups": {group: list(members) for group, members in space.groups.items()},
            "thresholds": dict(space.thresholds),
        },
        "device": {
            "temperature_c": telemetry.temperature_c,
            "throttled": list(telemetry.throttled),
            "throttled_before": list(telemetry.throttled_before),
            "cpu_percent": process.get("cpu_percent"),
            "memory_mb": process.get("memory_mb"),
        },
        "run": {
            "frames": counts.frames,
            "dropped": counts.dropped,
            "faults": counts.faults,
            "losses": counts.losses,
            "failed_outputs": counts.failed_sinks,
            "clients": clients,
        },
    }
