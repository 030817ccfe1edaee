"""The tables of the scripts that measure the live loop."""

import pytest


@pytest.fixture
def rounds():
    """Two rounds of edge_speed.py, without MediaPipe."""
    paced = {"fps": 30.0, "age_p99_ms": 40.0, "cpu_percent": 6.0}
    one = {
        "decode": {"fps": 4000.0},
        "alone": {"fps": 2000.0},
        "threads": {"fps": 3000.0},
        "lines": {"fps": 3800.0},
        "drawn": {"fps": 2700.0, "rss_mb": 99.0},
        "paced": paced,
        "cold_s": 0.8,
        "bare_s": 0.4,
        "load": 0.5,
    }
    return [one, {**one, "drawn": {"fps": 2100.0, "rss_mb": 99.0}}]


def test_the_loop_is_compared_with_the_faster_of_one_thread_and_two(load_script, rounds):
    bars = load_script("edge_speed.py").compare_with_bars(rounds)["bars"]
    drawn = bars["overlay and JSON lines / decoding, preprocessing and inference alone, frames a second"]
    assert drawn["all"] == pytest.approx([0.9, 0.7])
    assert drawn["median"] == pytest.approx(0.8)
    assert bars["JSON lines / decoding alone, frames a second"]["median"] == pytest.approx(0.95)
    assert not any("MediaPipe" in name for name in bars)


def test_mediapipe_is_compared_where_it_ran(load_script, rounds):
    bars = load_script("edge_speed.py").compare_with_bars([{**one, "mediapipe": {"fps": 600.0}} for one in rounds])
    mediapipe = bars["bars"]["overlay and JSON lines / MediaPipe ImageClassifier, frames a second"]
    assert (mediapipe["median"], mediapipe["met"]) == (4.0, True)


def test_own_work_is_the_sum_without_decoding_and_inference(load_script):
    stages = {"capture": 2_000_000, "preprocess": 200_000, "infer": 6_000_000, "JSON line": 40_000}
    before = {**stages, "preprocess": 320_000}
    document = {
        "command": "edge_instructions.py",
        "frames": 150,
        "commits": {"before": "f0afbf2", "after": "1234567"},
        "runtime": {"numpy": "2.4"},
        "counts": {
            "after": {"drawn": stages, "not drawn": stages},
            "before": {"drawn": before, "not drawn": before},
        },
    }
    table = load_script("edge_instructions.py").to_markdown(document)
    assert "| own | 360.0 | 240.0 |" in table
    assert "Own work after / before: 0.67" in table


def test_inference_is_compared_by_the_medians_of_the_rounds(load_script):
    medians = {"fashion-bench": [0.126, 0.127, 0.5], "litert-benchmark": [0.124, 0.125, 0.123]}
    assert load_script("peers/inference.py").ratio(medians) == pytest.approx(0.127 / 0.124)
