import json
import re

from fashion_edge.decide import LabelSpace
from fashion_edge.sinks.mqtt_messages import Topics, discovery

LABELS = ("blue", "dress", "red")
SPACE = LabelSpace(LABELS, {"colour": ("blue", "red"), "garment": ("dress",)}, dict.fromkeys(LABELS, 0.5))


def configs(name: str) -> dict[str, dict]:
    return {topic: json.loads(payload) for topic, payload in discovery(Topics(name), SPACE, "1.0")}


def test_names_become_topics_that_every_broker_takes() -> None:
    assert Topics("Hall Camera #1").root == "fashion-edge/hall_camera_1"
    assert Topics("Küche").id.startswith("k_che_")
    assert Topics("кухня").id != Topics("спальня").id, "they would take each other's place"
    assert Topics("+/#").root == "fashion-edge/device"


def test_each_entity_has_a_topic_and_an_id_of_its_own() -> None:
    found = configs("Hall Camera")
    assert len({config["unique_id"] for config in found.values()}) == len(found) == 6
    for topic in found:
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)


def test_two_devices_share_nothing() -> None:
    one, two = configs("hall"), configs("porch")
    assert one.keys().isdisjoint(two)
    assert {c["unique_id"] for c in one.values()}.isdisjoint(c["unique_id"] for c in two.values())


def test_entities_belong_to_one_device_and_are_away_when_program_or_camera_is() -> None:
    found = configs("hall")
    assert len({json.dumps(config["device"]) for config in found.values()}) == 1
    decision = found["homeassistant/sensor/fashion_edge_hall/decision/config"]
    assert [entry["topic"] for entry in decision["availability"]] == [
        "fashion-edge/hall/availability",
        "fashion-edge/hall/source",
    ]
    camera = found["homeassistant/binary_sensor/fashion_edge_hall/source/config"]
    assert camera["availability"] == [{"topic": "fashion-edge/hall/availability"}], "a lost camera is still told"


def test_a_group_offers_its_labels_and_nothing() -> None:
    colour = configs("hall")["homeassistant/sensor/fashion_edge_hall/colour/config"]
    assert colour["options"] == ["blue", "red", "nothing I know"]
    assert colour["value_template"] == '{{ value_json.decision["colour"] or "nothing I know" }}'


def test_groups_of_any_name_take_no_place_of_another_entity() -> None:
    names = ("decision", "source", "fps", "age_p99_ms", "Fit", "fit", "fit_2", "colour")
    space = LabelSpace(names, {name: (name,) for name in names}, dict.fromkeys(names, 0.5))
    found = [json.loads(payload) for _, payload in discovery(Topics("hall"), space, "1.0")]
    ids = [config["unique_id"].removeprefix("fashion_edge_hall_") for config in found]
    assert ids == [
        "decision",
        *("decision_2", "source_2", "fps_2", "age_p99_ms_2", "fit", "fit_2", "fit_2_2", "colour"),
        *("source", "age_p99_ms", "fps"),
    ]
