from pathlib import Path

import pytest

from fashion_bench.document import Sections, Sustained, Window
from fashion_bench.plots import pareto_front, write_plots
from fashion_edge.errors import OutputExistsError

A, B, C = (1.0, 0.9), (2.0, 0.8), (3.0, 0.95)


@pytest.mark.parametrize(
    ("points", "front"),
    [([A, B, C], [A, C]), ([A, (1.0, 0.95)], [(1.0, 0.95)]), ([(2.0, 0.9), A], [A]), ([], [])],
)
def test_the_pareto_front_holds_what_nothing_beats_in_both(points, front):
    assert pareto_front(points) == front


WINDOW = Window(start_s=0.0, p50_ms=1.0, p90_ms=1.2, temperature_c=51.0)
FIGURES = {"burst_p50_ms": 1, "sustained_p50_ms": 1, "ratio": 1, "verdict": "VALID", "reasons": ()}
SUSTAINED = Sections(sustained=[Sustained(name="litert int8 x1", windows=[WINDOW], **FIGURES)])


@pytest.mark.parametrize(
    ("how", "more", "plots"),
    [
        ({}, {}, {"latency.png"}),
        ({"exact_match": 1.0}, {"sections": SUSTAINED}, {"latency.png", "pareto.png", "sustained.png"}),
        ({"exact_match": 0.99, "verdict": "INVALID"}, {}, {"latency.png"}),
    ],
    ids=["latency only", "all passes", "invalid accuracy"],
)
def test_only_plots_with_data_are_written_and_never_over_another(
    make_result, make_document, tmp_path: Path, how, more, plots
):
    document = make_document(make_result(**how), **more)
    assert {path.name for path in write_plots(document, tmp_path, overwrite=False)} == plots
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_plots(document, tmp_path, overwrite=False)
