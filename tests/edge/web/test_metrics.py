import re
from dataclasses import replace

import pytest

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Fault
from fashion_edge.telemetry import Telemetry
from fashion_edge.web.metrics import render_metrics
from fashion_edge.web.state import HostMonitor, LiveState


@pytest.fixture
def state(space):
    return LiveState(space, "demo")


def render(state: LiveState, telemetry: Telemetry | None = None) -> dict[str, float]:
    monitor = HostMonitor()
    monitor.telemetry = telemetry or Telemetry()
    return values(render_metrics(state, monitor, clients=2))


def test_a_repeated_fault_is_counted_and_no_new_change(state):
    for index in range(3):
        state.fault(Fault("camera:0", index, "no scores", repeated=index > 0))
    assert state.counters.faults == 3
    assert [change.kind for change in state.changes_after(0)] == ["fault"]


def test_faults_do_not_count_as_dropped_frames(state, result):
    state.put(result(0))
    state.fault(Fault("x.jpg", 1, "x.jpg is empty"))
    state.put(result(2))
    names = ("frames_total", "faults_total", "frames_dropped_total")
    assert [render(state)[f"fashion_edge_{name}"] for name in names] == [2, 1, 0]


def test_frames_ages_and_gaps_are_counted(state, result):
    for index, age in ((0, 0.001), (1, 0.004), (5, 0.6)):  # three frames were skipped
        frame = replace(result(index), age_s=age)
        state.put_clean(frame)
        state.put(frame)
    found = render(state)
    expected = {
        "frames_total": 3,
        "frames_dropped_total": 3,
        'age_seconds_bucket{le="0.001"}': 1,  # the bound is inclusive
        'age_seconds_bucket{le="0.005"}': 2,
        'age_seconds_bucket{le="+Inf"}': 3,
        "age_seconds_count": 3,
        'stage_seconds_total{stage="capture"}': 0.003,
        'decided{label="red"}': 1,
        'decided{label="blue"}': 0,
        "source_up": 1,
        "clients": 2,
    }
    assert {name: found[f"fashion_edge_{name}"] for name in expected} == expected
    assert "fashion_edge_temperature_celsius" not in found, "unknown values are left out"


def test_label_names_are_escaped(state, result):
    labels = ('a"b', "c\\d", "e\nf")
    state.put(replace(result(), space=LabelSpace(labels, {}, dict.fromkeys(labels, 0.5))))
    found = render(state, Telemetry(51.5))
    assert 'fashion_edge_score{label="a\\"b"}' in found
    assert found["fashion_edge_source_up"] == 0
    assert found["fashion_edge_temperature_celsius"] == 51.5


SAMPLE = re.compile(r'^[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"\})? -?[0-9.e+-]+$')


def values(text: str) -> dict[str, float]:
    """Samples by name; every line must follow the format, and every metric be declared before its samples."""
    found: dict[str, float] = {}
    declared: set[str] = set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in declared
            declared.add(name)
        elif not line.startswith("# HELP "):
            assert SAMPLE.match(line), line
            name, value = line.rsplit(" ", 1)
            assert re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) in declared or name.split("{")[0] in declared
            found[name] = float(value)
    return found


def test_metrics_are_served_as_prometheus_text(sink, request_to, result):
    sink.put(result())
    response = request_to(sink, "/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = values(response.body.decode())
    assert found["fashion_edge_frames_total"] == 1
    assert found["process_resident_memory_bytes"] > 1e7
