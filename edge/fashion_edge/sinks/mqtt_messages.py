"""What is published where: topics, payloads, and Home Assistant's discovery. Pure.

Discovery follows home-assistant.io/integrations/mqtt: one retained config message an entity.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fashion_edge.decide import NOTHING, LabelSpace
from fashion_edge.result import Result, Vitals, WallClock

ONLINE, OFFLINE = "online", "offline"
DISCOVERY = "homeassistant"
TAKEN = ("decision", "source", "age_p99_ms", "fps")  # ids of the entities that are of no group


def make_id(name: str) -> str:
    """Lower-case ASCII letters, digits and `_`; a name of other letters gets what tells it from its like."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "device"
    lost = any(letter.isalpha() and not letter.isascii() for letter in name)
    return f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:6]}" if lost else plain


@dataclass(frozen=True)
class Topics:
    """Below `fashion-edge/<id>`; the id is the device's name in the letters that topics and entities may have."""

    name: str

    @property
    def id(self) -> str:
        """Lower-case ASCII letters, digits and `_`."""
        return make_id(self.name)

    @property
    def root(self) -> str:
        """What all topics start with."""
        return f"fashion-edge/{self.id}"

    @property
    def availability(self) -> str:
        """`online` or `offline`: whether the program runs and reaches the broker."""
        return f"{self.root}/availability"

    @property
    def source(self) -> str:
        """`online` or `offline`: whether the camera gives frames."""
        return f"{self.root}/source"

    @property
    def state(self) -> str:
        """The decision, as JSON."""
        return f"{self.root}/state"

    @property
    def vitals(self) -> str:
        """Rate and ages, as JSON."""
        return f"{self.root}/vitals"


def state_payload(result: Result, wall: WallClock) -> str:
    """What was decided: text, one label or null a group, labels, smoothed scores, and when."""
    scores = {label: round(score, 3) for label, score in result.smoothed.items()}
    record = {
        "text": result.decision.text,
        "decision": dict(result.decision.by_group),
        "labels": list(result.decision.labels),
        "scores": scores,
        "source": result.frame.source,
        "at": wall.iso(result.frame.captured_at),
    }
    return json.dumps(record, ensure_ascii=False)


def vitals_payload(vitals: Vitals) -> str:
    """Labelled frames a second, and ages in milliseconds."""
    figures = {"fps": vitals.fps, "age_p50_ms": vitals.age_p50_ms, "age_p99_ms": vitals.age_p99_ms}
    return json.dumps({name: round(value, 2) for name, value in figures.items()})


def discovery(topics: Topics, space: LabelSpace, version: str) -> Iterator[tuple[str, str]]:
    """Topic and payload of each entity's configuration."""
    common = {
        "device": {
            "identifiers": [f"fashion_edge_{topics.id}"],
            "name": topics.name,
            "manufacturer": "fashion-edge",
            "model": " ".join(space.groups) + " classifier" if space.groups else "classifier",
            "sw_version": version,
        },
        "origin": {"name": "fashion-edge", "sw_version": version},
    }
    for kind, key, entity in _entities(topics, space):
        config = {**entity, **common, "unique_id": f"fashion_edge_{topics.id}_{key}"}
        yield f"{DISCOVERY}/{kind}/fashion_edge_{topics.id}/{key}/config", json.dumps(config, ensure_ascii=False)


def _entities(topics: Topics, space: LabelSpace) -> Iterator[tuple[str, str, dict[str, Any]]]:
    running = [{"topic": topics.availability}]
    seeing = {"availability": [*running, {"topic": topics.source}], "availability_mode": "all"}
    yield (
        "sensor",
        "decision",
        {
            "name": "Decision",
            "icon": "mdi:hanger",
            "state_topic": topics.state,
            "value_template": "{{ value_json.text }}",
            "json_attributes_topic": topics.state,
            **seeing,
        },
    )
    ids = _group_ids(space.groups)
    for group, members in space.groups.items():
        yield (
            "sensor",
            ids[group],
            {
                "name": group.capitalize(),
                "device_class": "enum",
                "options": [*members, NOTHING],
                "state_topic": topics.state,
                "value_template": f"{{{{ value_json.decision[{json.dumps(group)}] or {json.dumps(NOTHING)} }}}}",
                **seeing,
            },
        )
    yield (
        "binary_sensor",
        "source",
        {
            "name": "Camera",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.source,
            "payload_on": ONLINE,
            "payload_off": OFFLINE,
            "availability": running,
        },
    )
    for key, name, unit in (("age_p99_ms", "Label age p99", "ms"), ("fps", "Rate", "frames/s")):
        yield (
            "sensor",
            key,
            {
                "name": name,
                "entity_category": "diagnostic",
                "state_class": "measurement",
                "unit_of_measurement": unit,
                "state_topic": topics.vitals,
                "value_template": f"{{{{ value_json.{key} }}}}",
                **seeing,
            },
        )


def _group_ids(groups: Iterable[str]) -> dict[str, str]:
    """By the names of the groups; with a number where another entity has that id, whose place it would take."""
    ids: dict[str, str] = {}
    for group in groups:
        plain = free = make_id(group)
        number = 1
        while free in (*TAKEN, *ids.values()):
            number += 1
            free = f"{plain}_{number}"
        ids[group] = free
    return ids
