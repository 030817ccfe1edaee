from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from fashion_bench.plots import _draw_pareto, bars, histogram, pareto_front, sketch, write_plots
from fashion_edge.errors import OutputExistsError


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1.0, 0.9), (2.0, 0.8), (3.0, 0.95)], [0, 2]),
        ([(1.0, 0.9), (1.0, 0.95)], [1]),
        ([(2.0, 0.9), (1.0, 0.9)], [1]),
        ([], []),
    ],
)
def test_the_pareto_front_holds_what_nothing_beats_in_both(points, front):
    assert pareto_front(points) == front


def test_bars_are_as_high_as_their_values_and_nothing_above_zero_is_hidden():
    assert bars(np.array([0.0, 0.001, 4.0, 8.0])) == " ▁▄█"


def test_what_lies_outside_counts_at_the_edge():
    assert histogram([0.5, 1.5, 99.0], np.array([1.0, 2.0, 3.0])) == bars(np.sqrt(np.array([2, 1])))


def test_the_sketch_marks_the_front(make_result, make_document):
    def judged(share: float, **how):
        return make_result(**how).with_extras(accuracy={"photos": 100, "exact_match": share})

    document = make_document(judged(0.95, file="a", p50=2.0), judged(0.9, file="b", threads=2, p50=3.0))
    lines = list(sketch(document))
    assert any(line.startswith("* ") and "95.0%" in line for line in lines)
    assert any(line.startswith("  ") and "90.0%" in line for line in lines)


def test_a_figure_that_is_not_valid_is_on_no_front(make_result, make_document):
    bad = make_result(file="a", p50=1.0).with_extras(accuracy={"photos": 100, "exact_match": 0.99})
    assert not any("99.0%" in line for line in sketch(make_document(replace(bad, verdict="INVALID"))))
    assert any("99.0%" in line for line in sketch(make_document(bad)))


def test_plots_are_written_for_what_there_is_and_never_over_another(make_result, make_document, tmp_path):
    document = make_document(make_result())
    assert [path.name for path in write_plots(document, tmp_path, overwrite=False)] == ["latency.png"]
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_plots(document, tmp_path, overwrite=False)


def test_exact_match_ends_at_one(make_result, make_document):
    results = [
        make_result(file=name, p50=p50).with_extras(accuracy={"photos": 100, "exact_match": share})
        for name, p50, share in (("a", 1.0, 0.9), ("b", 2.0, 1.0))
    ]
    axes = Figure().subplots()
    assert _draw_pareto(make_document(*results), axes)
    assert axes.get_ylim()[1] == 1
    assert not any(line.get_clip_on() for line in axes.lines if line.get_marker() == "o")  # whole at the edge
