import json
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fashion_edge.decide import Decision, LabelSpace
from fashion_edge.errors import MissingExtraError
from fashion_edge.frame import Box, Event, Frame
from fashion_edge.result import Result, Vitals
from fashion_edge.sinks.mqtt import Broker, MqttSink

LABELS = ("dress", "red")
SPACE = LabelSpace(LABELS, {"colour": ("red",), "garment": ("dress",)}, dict.fromkeys(LABELS, 0.5))


@dataclass(frozen=True)
class Reason:
    """As paho's ReasonCode: a text, and whether it is bad news."""

    text: str
    is_failure: bool

    def __str__(self) -> str:
        return self.text


YES, NO = Reason("Success", False), Reason("Not authorized", True)


class FakeClient:
    """Behaves as paho's client: takes a will and callbacks, refuses to publish while it is not connected.

    What is to arrive at least once and was swallowed by a dying link it sends again, and only after `on_connect`.
    """

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.published: list[tuple[str, str, int, bool]] = []
        self.will: tuple[str, str, int, bool] | None = None
        self.connected = self.looping = self.dying = False
        self.unanswered: list[tuple[str, str, int, bool]] = []
        self.before_publishing: Any = lambda topic: None
        self.on_connect: Any = None
        self.on_connect_fail: Any = None
        self.on_disconnect: Any = None

    def username_pw_set(self, user: str, password: str | None) -> None:
        self.user = (user, password)

    def will_set(self, *will: Any) -> None:
        assert not self.looping, "a will must be made before the client connects"
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


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sink(clock: Time | None = None) -> tuple[MqttSink, FakeClient]:
    broker = Broker("broker", 1883, "me", "swordfish")
    one = MqttSink(broker, SPACE, name="Hall", make_client=FakeClient, clock=clock or Time())
    return one, one._client


def result(text: str = "red dress") -> Result:
    decision = Decision({"colour": "red", "garment": "dress"}, LABELS, text)
    scores = np.array([0.9, 0.8], np.float32)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0, "demo")
    return Result(frame, Box(0, 0, 4, 4), scores, scores, decision, 0.01, {}, LABELS, Vitals(30.0, 4.0, 9.0))


def test_the_will_is_made_before_the_client_connects() -> None:
    one, client = sink()
    assert client.will == ("fashion-edge/hall/availability", "offline", 1, True)
    assert (client.address, client.user) == (("broker", 1883), ("me", "swordfish"))
    assert one.name == "--mqtt broker:1883"


def test_a_decision_is_published_when_it_is_new_and_kept_by_the_broker() -> None:
    one, client = sink()
    client.accept()
    for text in ("red dress", "red dress", "? dress"):
        one.put(result(text))
    states = [json.loads(payload) for payload in client.payloads("state")]
    assert [state["text"] for state in states] == ["red dress", "? dress"]
    assert states[0]["scores"] == {"dress": 0.9, "red": 0.8}
    assert all(retain for *_, retain in client.published)


def test_while_the_broker_is_away_nothing_is_queued_and_then_it_learns_how_things_are() -> None:
    one, client = sink()
    one.put(result("red dress"))
    one.put(result("? dress"))
    assert client.published == []
    client.accept()
    assert [json.loads(payload)["text"] for payload in client.payloads("state")] == ["? dress"]
    assert client.payloads("availability") == ["online"]
    assert client.payloads("source") == ["online"]
    assert any(topic.startswith("homeassistant/") for topic, *_ in client.published)


def test_what_a_dying_link_swallowed_is_not_said_after_what_is_true_now() -> None:
    one, client = sink()
    client.accept()
    client.dying = True
    one.put(result("red dress"))
    one.event(Event("camera:0", "lost", 1.0, "gone"))
    client.drop()
    one.put(result("? dress"))
    client.accept()
    assert client.payloads("source")[-1] == "online"
    assert json.loads(client.payloads("state")[-1])["text"] == "? dress"


def test_a_decision_made_while_the_broker_is_told_how_things_are_is_said_after_it() -> None:
    one, client = sink()
    one.put(result("red dress"))
    loop = threading.Thread(target=one.put, args=(result("? dress"),))

    def decide_anew(topic: str) -> None:
        if topic == one.topics.state and not loop.ident:
            loop.start()
            loop.join(0.2)  # long enough to overtake, if it can

    client.before_publishing = decide_anew
    client.accept()
    loop.join()
    assert [json.loads(payload)["text"] for payload in client.payloads("state")] == ["red dress", "? dress"]


def test_a_broker_that_goes_is_said_once_and_again_when_it_is_back() -> None:
    one, client = sink()
    client.accept()
    client.drop()
    client.on_connect_fail(client, None)
    client.on_connect_fail(client, None)
    client.accept()
    assert one.notices is not None
    assert [event.state for event in one.notices] == ["failed", "restored"]


def test_a_lost_camera_is_offline_until_its_first_frame() -> None:
    one, client = sink()
    client.accept()
    one.put(result())
    one.event(Event("camera:0", "lost", 1.0, "gone"))
    one.event(Event("--jsonl x", "failed", 1.0, "disk full"))
    one.put(result())
    assert client.payloads("source") == ["offline", "online", "offline", "online"]
    assert len(client.payloads("state")) == 2, "what is seen after a loss is told, even if it is the same"


def test_a_home_never_takes_the_decision_before_for_what_is_seen_now() -> None:
    one, client = sink()
    client.accept()
    one.put(result("red dress"))
    one.event(Event("camera", "lost", 0.0, "unplugged"))
    one.put(result("nothing I know"))
    topics = [topic.rpartition("/")[2] for topic, *_ in client.published]
    assert topics[-3:] == ["source", "state", "source"], "what is seen comes before that something is"
    client.drop()
    client.published.clear()
    client.accept()
    assert [topic.rpartition("/")[2] for topic, *_ in client.published][-3:] == ["state", "source", "availability"]


def test_why_a_broker_cannot_be_reached_is_said() -> None:
    one, client = sink()
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        client.on_connect_fail(client, None)
    (notice,) = one.notices
    assert "the broker cannot be reached ([Errno 111] Connection refused)" in notice.detail


def test_a_namesake_and_a_port_for_tls_are_thought_of() -> None:
    clock = Time()
    one, client = sink(clock)
    client.drop()
    assert "if its port is one for TLS, add --mqtt-tls" in one.notices.pop().detail
    client.accept()
    clock.now = 1.0
    client.drop()
    assert "if another device is called 'Hall' as well, give each a --mqtt-name of its own" in one.notices.pop().detail
    client.accept()
    clock.now = 60.0
    client.drop()
    assert one.notices.pop().detail == "the broker is gone: Not authorized; trying again in the background"


def test_a_run_that_is_shorter_than_the_way_to_the_broker_waits_for_its_answer() -> None:
    one, client = sink()
    one.put(result())
    threading.Timer(0.1, client.accept).start()
    one.close()
    assert len(client.payloads("state")) == 1
    assert client.payloads("availability") == ["online", "offline"]


def test_figures_are_published_now_and_then() -> None:
    clock = Time()
    one, client = sink(clock)
    client.accept()
    for clock.now in (1.0, 9.0, 10.5, 11.0):
        one.put(result())
    assert client.payloads("vitals") == ['{"fps": 30.0, "age_p50_ms": 4.0, "age_p99_ms": 9.0}']


def test_at_the_end_it_says_goodbye() -> None:
    one, client = sink()
    client.accept()
    one.close()
    assert client.payloads("availability") == ["online", "offline"]
    assert client.published[-1][2] == 1, "answered, so all that was said before it has arrived"
    assert not client.looping


def test_a_broker_that_was_never_reached_is_a_failure_at_the_end() -> None:
    one, client = sink()
    client.on_connect(client, None, None, NO, None)
    assert one.notices is not None
    assert "the broker refused: Not authorized" in one.notices[0].detail
    client.drop()  # as it does after a refusal: the guess at TLS that comes of it would be wrong
    with pytest.raises(ConnectionError, match=r"^the broker refused: Not authorized$"):
        one.close()


def test_a_photo_that_is_over_before_the_broker_refuses_still_says_why() -> None:
    one, client = sink()
    one.put(result())
    threading.Timer(0.1, client.on_connect, (client, None, None, NO, None)).start()
    with pytest.raises(ConnectionError, match=r"^the broker refused: Not authorized$"):
        one.close()


def test_a_broker_that_never_answers_was_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fashion_edge.sinks.mqtt.ANSWER_S", 0.0)
    one, _ = sink()
    with pytest.raises(ConnectionError, match=r"^the broker was never reached$"):
        one.close()


def test_without_the_client_the_message_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fashion-edge\[mqtt\]'"):
        MqttSink(Broker("b", 1), SPACE, name="hall")
