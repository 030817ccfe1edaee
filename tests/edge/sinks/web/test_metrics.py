import re
from collections.abc import Callable
from dataclasses import replace

from fashion_edge.frame import Fault
from fashion_edge.telemetry import Telemetry
from fashion_edge.web import WebSink
from fashion_edge.web.metrics import Counts, render_metrics

SAMPLE = re.compile(r'^[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"\})? -?[0-9.e+-]+$')


def values(text: str) -> dict[str, float]:
    """Samples by name; each line must be of the format, and each family declared before its samples."""
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


def test_an_input_that_could_not_be_read_was_not_dropped(result: Callable) -> None:
    counts = Counts()
    counts.frame(result(0))
    counts.fault(Fault("x.jpg", 1, "x.jpg is empty"))
    counts.frame(result(2))
    assert (counts.frames, counts.faults, counts.dropped) == (2, 1, 0)


def test_frames_ages_and_gaps_are_counted(result: Callable) -> None:
    counts = Counts()
    for index, age in ((0, 0.001), (1, 0.004), (5, 0.6)):  # three frames were passed over
        counts.frame(replace(result(index), age_s=age))
    found = values(render_metrics(counts, "live", result(5), Telemetry(), {}, 2))
    assert found["fashion_edge_frames_total"] == 3
    assert found["fashion_edge_frames_dropped_total"] == 3
    assert found['fashion_edge_age_seconds_bucket{le="0.001"}'] == 1, "a bound belongs to its bucket"
    assert found['fashion_edge_age_seconds_bucket{le="0.005"}'] == 2
    assert found['fashion_edge_age_seconds_bucket{le="+Inf"}'] == found["fashion_edge_age_seconds_count"] == 3
    assert found['fashion_edge_decided{label="red"}'] == 1
    assert found['fashion_edge_decided{label="blue"}'] == 0
    assert found["fashion_edge_source_up"] == 1
    assert found["fashion_edge_clients"] == 2
    assert "fashion_edge_temperature_celsius" not in found, "what the machine does not tell is left out"


def test_odd_label_names_are_escaped(result: Callable) -> None:
    odd = replace(result(), label_names=('a"b', "c\\d", "e\nf"))
    found = values(render_metrics(Counts(), "lost", odd, Telemetry(51.5), {}, 0))
    assert 'fashion_edge_score{label="a\\"b"}' in found
    assert found["fashion_edge_source_up"] == 0
    assert found["fashion_edge_temperature_celsius"] == 51.5


def test_the_page_for_prometheus(serve: Callable[..., WebSink], ask: Callable, result: Callable) -> None:
    sink = serve()
    sink.put(result())
    answer = ask(sink, "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = values(answer.body.decode())
    assert found["fashion_edge_frames_total"] == 1
    assert found["process_resident_memory_bytes"] > 1e7
