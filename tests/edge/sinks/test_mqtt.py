import json
import re
import sys
import threading
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import MissingExtraError, UsageError
from fashion_edge.frame import Event, Tick
from fashion_edge.result import Vitals
from fashion_edge.sinks.mqtt import Broker, MqttSink, Topics, make_discovery


@pytest.mark.parametrize(
    ("text", "tls", "where"),
    [
        ("broker.local", False, "broker.local:1883"),
        ("broker.local", True, "broker.local:8883"),
        ("10.0.0.2:1884", True, "10.0.0.2:1884"),
        ("[::1]", False, "[::1]:1883"),
        ("mqtt://broker:1883", False, "broker:1883"),
    ],
)
def test_the_port_has_a_default(text, tls, where):
    assert str(Broker.parse(text, tls=tls, environ={})) == where


@pytest.mark.parametrize("text", ["", ":1883", "host:port", "host:99999", "host/path"])
def test_a_bad_address_is_refused(text):
    with pytest.raises(UsageError, match="is not HOST or HOST:PORT"):
        Broker.parse(text, environ={})


def test_a_password_on_the_command_line_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="FASHION_EDGE_MQTT_PASSWORD") as caught:
        Broker.parse("me:swordfish@broker", environ={})
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize("data", [b"sword fish\nsecond line\n", b"\xef\xbb\xbfsword fish\r\n"])  # of a Windows editor
def test_the_password_comes_from_a_file_or_the_environment_and_is_never_shown(tmp_path, data):
    (tmp_path / "password").write_bytes(data)
    environ = {"FASHION_EDGE_MQTT_PASSWORD": "from outside"}
    assert Broker.parse("b", user="me", password_file=tmp_path / "password", environ=environ).password == "sword fish"
    broker = Broker.parse("b", user="me", environ=environ)
    assert broker.password == "from outside"
    assert "outside" not in repr(broker)


@pytest.mark.parametrize(
    ("data", "user", "said"),
    [
        (None, "me", "cannot be read: No such file"),
        (b"", "me", "has no password on its first line"),
        (b"x\n", None, "needs --mqtt-user"),
    ],
)
def test_a_password_file_must_be_readable_have_a_line_and_a_user(tmp_path, data, user, said):
    if data is not None:
        (tmp_path / "file").write_bytes(data)
    with pytest.raises(UsageError, match=said):
        Broker.parse("b", user=user, password_file=tmp_path / "file", environ={})


@pytest.fixture
def configs(space):
    return lambda name: {topic: json.loads(text) for topic, text in make_discovery(Topics(name), space, "1.0")}


def test_names_become_valid_topics():
    assert Topics("Hall Camera #1").root == "fashion-edge/hall_camera_1"
    assert Topics("Küche").id.startswith("k_che_")
    assert Topics("кухня").id != Topics("спальня").id, "different rooms need different ids"
    assert Topics("+/#").root == "fashion-edge/device"


def test_each_entity_has_a_topic_and_an_id_of_its_own(configs):
    found = configs("Hall Camera")
    assert len({config["unique_id"] for config in found.values()}) == len(found) == 6
    assert found.keys().isdisjoint(configs("porch")), "of another device"
    for topic in found:
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)


def test_entities_belong_to_one_device_and_follow_its_availability(configs):
    found = configs("hall")
    assert len({json.dumps(config["device"]) for config in found.values()}) == 1
    decision = found["homeassistant/sensor/fashion_edge_hall/decision/config"]["availability"]
    assert [entry["topic"] for entry in decision] == ["fashion-edge/hall/availability", "fashion-edge/hall/source"]
    camera = found["homeassistant/binary_sensor/fashion_edge_hall/source/config"]
    assert camera["availability"] == [{"topic": "fashion-edge/hall/availability"}], "a lost camera is still reported"


def test_a_group_offers_its_labels_and_nothing(configs):
    colour = configs("hall")["homeassistant/sensor/fashion_edge_hall/colour/config"]
    assert colour["options"] == ["blue", "red", "nothing I know"]
    assert colour["value_template"] == '{{ value_json.decision["colour"] or "nothing I know" }}'


def test_groups_get_unique_ids():
    names = ("decision", "source", "fps", "age_p99_ms", "Fit", "fit", "fit_2", "colour")
    space = LabelSpace(names, {name: (name,) for name in names}, dict.fromkeys(names, 0.5))
    found = [json.loads(payload) for _, payload in make_discovery(Topics("hall"), space, "1.0")]
    ids = [config["unique_id"].removeprefix("fashion_edge_hall_") for config in found]
    assert ids == [
        *("decision", "source", "age_p99_ms", "fps"),
        *("decision_2", "source_2", "fps_2", "age_p99_ms_2", "fit", "fit_2", "fit_2_2", "colour"),
    ]


@pytest.mark.parametrize(
    "group", ["größe", "👗", "a/b", "+", "#", 'say "x"', "back\\slash", "}} {{", "{% if %}", "x" * 255]
)
def test_any_group_has_a_valid_topic_and_a_template_that_finds_its_label(group):
    jinja2 = pytest.importorskip("jinja2", reason="NO JINJA: pip install jinja2")
    space = LabelSpace(("👗",), {group: ("👗",), "other": ()}, {"👗": 0.5})
    found = dict(make_discovery(Topics("hall"), space, "1.0"))
    (topic, config) = list(found.items())[-2]
    assert re.fullmatch(r"homeassistant/sensor/fashion_edge_hall/[a-zA-Z0-9_-]+/config", topic)
    template = jinja2.Template(json.loads(config)["value_template"])
    for label, state in (("👗", "👗"), (None, "nothing I know")):
        assert template.render(value_json={"decision": {group: label}}) == state


def test_names_without_a_letter_of_ascii_differ():
    assert Topics("🏠").id != Topics("🚗").id


@dataclass(frozen=True)
class Reason:
    """As paho's ReasonCode: a text, and whether it is a failure."""

    text: str
    is_failure: bool

    def __str__(self) -> str:
        return self.text


YES, NO = Reason("Success", False), Reason("Not authorized", True)


class FakeClient:
    """Behaves as paho's client: takes a will and callbacks, refuses to publish while it is not connected.

    Messages with QoS 1 that a dying link lost are sent again, after `on_connect`.
    """

    def __init__(self, client_id: str) -> None:
        self.published: list[tuple[str, str, int, bool]] = []
        self.unanswered: list[tuple[str, str, int, bool]] = []
        self.connected = self.looping = self.dying = False
        self.answers, self.filters = True, list[str]()
        self.before_publishing: Any = lambda topic: None
        self.will = self.on_connect = self.on_connect_fail = self.on_disconnect = self.on_message = (
            self.on_subscribe
        ) = None

    def username_pw_set(self, user: str, password: str | None) -> None:
        self.user = (user, password)

    def will_set(self, *will: Any) -> None:
        assert not self.looping, "the will must be set before the client connects"
        self.will = will

    def reconnect_delay_set(self, *_: int) -> None: ...

    def connect_async(self, host: str, port: int, keep_alive: int) -> None:
        self.address = (host, port)

    def loop_start(self) -> None:
        self.looping = True

    def loop_stop(self) -> None:
        self.looping = False

    def disconnect(self) -> None:
        self.connected = False

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        self.filters = [name for name, _ in filters]
        if self.answers:
            self.on_subscribe(self, None, 1, [0], None)

    def receive(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self.on_message(self, None, SimpleNamespace(topic=topic, payload=payload, retain=retain))

    def publish(self, *message: Any) -> SimpleNamespace:
        assert self.connected, "nothing may be queued for a broker that is away"
        self.before_publishing(message[0])
        self.published.append(message)
        if self.dying and message[2] > 0:
            self.unanswered.append(message)
        return SimpleNamespace(wait_for_publish=lambda seconds: None)

    def accept(self) -> None:
        self.connected, self.dying = True, False
        self.on_connect(self, None, None, YES, None)
        self.published += self.unanswered
        self.unanswered.clear()

    def drop(self) -> None:
        self.connected = False
        self.on_disconnect(self, None, None, NO, None)

    def payloads(self, topic: str) -> list[str]:
        return [payload for name, payload, _, _ in self.published if name == f"fashion-edge/hall/{topic}"]

    def texts(self) -> list[str]:
        return [json.loads(payload)["text"] for payload in self.payloads("state")]

    def topics(self) -> list[str]:
        return [topic.rpartition("/")[2] for topic, *_ in self.published]


@pytest.fixture
def clock():
    """A clock that a test sets."""
    return SimpleNamespace(now=0.0)


@pytest.fixture
def client():
    return FakeClient("hall")


@pytest.fixture
def sink(client, clock, space):
    broker = Broker("broker", 1883, "me", "swordfish")
    return MqttSink(broker, space, name="Hall", make_client=lambda client_id: client, clock=lambda: clock.now)


@pytest.fixture
def connected(sink, client):
    client.accept()
    return client


@pytest.fixture
def result(make_result):
    return lambda text="red dress": replace(make_result(text=text), vitals=Vitals(30.0, 4.0, 9.0))


LOST = Event("camera:0", "lost", 1.0, "gone")


def test_the_last_will_is_set_before_the_client_connects(sink, client):
    assert client.will == ("fashion-edge/hall/availability", "offline", 1, True)
    assert (client.address, client.user) == (("broker", 1883), ("me", "swordfish"))
    assert sink.name == "--mqtt broker:1883"


def test_a_new_decision_is_published_as_a_retained_message(sink, connected, result):
    for text in ("red dress", "red dress", "? dress"):
        sink.put(result(text))
    assert connected.texts() == ["red dress", "? dress"]
    assert json.loads(connected.payloads("state")[0])["scores"] == {"blue": 0.01, "dress": 0.9, "red": 0.8}
    assert all(retain for *_, retain in connected.published)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
        ("👗" * 300, "👗" * 254 + "…"),
        ("red\ndress\x1b[2J", "red dress [2J"),
    ],
)
def test_a_state_is_plain_text_of_255_characters_at_most(sink, connected, result, text, state):
    sink.put(result(text))
    assert connected.texts() == [state]


def test_a_source_whose_name_is_not_utf_8_is_published(sink, connected, result):
    one = result()
    sink.put(replace(one, frame=replace(one.frame, source="photo\udcff.jpg")))
    assert json.loads(connected.payloads("state")[0].encode())["source"] == "photo?.jpg"


def test_payloads_are_json_without_nan(sink, connected, clock, result):
    clock.now = 11.0
    sink.put(replace(result(), vitals=Vitals(30.0, float("nan"), float("inf"))))
    assert [json.loads(payload) for payload in connected.payloads("vitals")] == [
        {"fps": 30.0, "age_p50_ms": None, "age_p99_ms": None}
    ]


STALE = "homeassistant/sensor/fashion_edge_hall/tint/config"


@pytest.fixture
def cleared(sink, connected):
    """Deliver a message of the broker; returns whether it was cleared."""

    def deliver(topic: str, payload: bytes = b"{}", *, retain: bool = True) -> bool:
        connected.published.clear()
        connected.receive(topic, payload, retain=retain)
        return connected.published == [(topic, "", 0, True)]

    return deliver


@pytest.mark.parametrize("topic", [STALE, STALE.replace("sensor", "binary_sensor", 1), "fashion-edge/hall/tint"])
def test_a_retained_message_of_a_former_bundle_is_cleared(cleared, topic):
    assert cleared(topic)
    assert not cleared(topic, retain=False), "somebody publishes it now"
    assert not cleared(topic, b"")


def test_what_this_run_serves_is_not_cleared(cleared, configs):
    for topic in (*configs("Hall"), *(f"fashion-edge/hall/{name}" for name in ("availability", "state", "vitals"))):
        assert not cleared(topic)


def test_each_connection_looks_for_topics_of_this_device_only(client, sink):
    for _ in range(2):
        client.filters = []
        client.accept()
        assert client.filters == ["homeassistant/+/fashion_edge_hall/+/config", "fashion-edge/hall/#"]
        client.drop()


def test_a_broker_that_disconnects_instead_of_answering_is_asked_once(client, sink):
    client.answers = False
    client.accept()
    client.drop()
    client.filters.clear()
    client.accept()
    assert client.filters == []
    assert client.payloads("availability") == ["online", "online"]


def test_while_the_broker_is_away_nothing_is_queued(sink, client, result):
    sink.put(result("red dress"))
    sink.put(result("? dress"))
    assert client.published == []
    client.accept()
    assert client.texts() == ["? dress"]
    assert client.payloads("availability") == client.payloads("source") == ["online"]
    assert any(topic.startswith("homeassistant/") for topic, *_ in client.published)


def test_messages_that_a_dying_link_lost_do_not_replace_the_current_state(sink, connected, result):
    connected.dying = True
    sink.put(result("red dress"))
    sink.event(LOST)
    connected.drop()
    sink.put(result("? dress"))
    connected.accept()
    assert connected.payloads("source")[-1] == "online"
    assert connected.texts()[-1] == "? dress"


def test_a_decision_during_the_reconnect_is_published_after_it(sink, client, result):
    sink.put(result("red dress"))
    loop = threading.Thread(target=sink.put, args=(result("? dress"),))

    def decide_again(topic):
        if topic == sink.topics.state and not loop.ident:
            loop.start()
            loop.join(0.2)  # time to overtake

    client.before_publishing = decide_again
    client.accept()
    loop.join()
    assert client.texts() == ["red dress", "? dress"]


def test_a_lost_broker_and_its_return_are_reported_once(sink, connected):
    connected.drop()
    connected.on_connect_fail(connected, None)
    connected.on_connect_fail(connected, None)
    connected.accept()
    assert [event.state for event in sink.notices] == ["failed", "restored"]


def test_a_lost_camera_is_offline_until_its_first_frame(sink, connected, result):
    sink.put(result())
    sink.event(LOST)
    sink.event(Event("--jsonl x", "failed", 1.0, "disk full"))
    sink.put(result())
    assert connected.payloads("source") == ["offline", "online", "offline", "online"]
    assert len(connected.payloads("state")) == 2, "after a loss the decision is published again"
    assert connected.topics()[-3:] == ["source", "state", "source"], "the state comes first"
    connected.drop()
    connected.published.clear()
    connected.accept()
    assert connected.topics()[-3:] == ["state", "source", "availability"]


def test_the_reason_of_a_failed_connection_is_reported(sink, client):
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        client.on_connect_fail(client, None)
    (notice,) = sink.notices
    assert "the broker cannot be reached ([Errno 111] Connection refused)" in notice.detail


def test_a_camera_without_results_for_ten_seconds_is_offline(sink, connected, result):
    """As when the model gives NaN for each frame: the last decision must not look current."""
    sink.put(result())
    for now in (9.0, 11.0, 12.0):
        sink.tick(Tick(now))
    sink.put(result())
    assert connected.payloads("source") == ["offline", "online", "offline", "online"]
    assert len(connected.payloads("state")) == 1, "it is retained"


def test_hints_name_a_second_device_and_a_tls_port(sink, client, clock):
    client.drop()
    assert "if its port is one for TLS, add --mqtt-tls" in sink.notices.pop().detail
    client.accept()
    clock.now = 1.0
    client.drop()
    assert "if another device is called 'Hall' as well, give each a --mqtt-name of its own" in sink.notices.pop().detail
    client.accept()
    clock.now = 60.0
    client.drop()
    assert sink.notices.pop().detail == "the broker is gone: Not authorized; trying again in the background"


def test_a_short_run_waits_for_the_first_connection(sink, client, result):
    sink.put(result())
    threading.Timer(0.1, client.accept).start()
    sink.close()
    assert len(client.payloads("state")) == 1
    assert client.payloads("availability") == ["online", "offline"]
    assert client.published[-1][2] == 1, "acknowledged, so everything before it has arrived"
    assert not client.looping


def test_vitals_are_published_every_ten_seconds(sink, connected, clock, result):
    for clock.now in (1.0, 9.0, 10.5, 11.0):
        sink.put(result())
    (payload,) = connected.payloads("vitals")
    assert json.loads(payload) == {"fps": 30.0, "age_p50_ms": 4.0, "age_p99_ms": 9.0}


@pytest.mark.parametrize("delay_s", [0.0, 0.1])  # before, and after the last frame
def test_a_broker_that_refuses_is_a_failure_at_the_end(sink, client, delay_s):
    def refuse():
        client.on_connect(client, None, None, NO, None)
        client.drop()  # as after each refusal, where the hint about TLS would be wrong

    timer = threading.Timer(delay_s, refuse)
    timer.start()
    if not delay_s:
        timer.join()
    with pytest.raises(ConnectionError, match=r"^the broker refused: Not authorized$"):
        sink.close()
    assert "the broker refused: Not authorized" in sink.notices[0].detail


def test_a_broker_that_never_answers_is_a_failure_at_the_end(sink, monkeypatch):
    monkeypatch.setattr("fashion_edge.sinks.mqtt.ANSWER_S", 0.0)
    with pytest.raises(ConnectionError, match=r"^the broker was never reached$"):
        sink.close()


def test_a_missing_client_library_is_an_error_with_the_command(monkeypatch, space):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fashion-edge\[mqtt\]'"):
        MqttSink(Broker("b", 1), space, name="hall")
