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


def test_only_plots_with_data_are_written_and_never_over_another(make_result, make_document, tmp_path: Path):
    document = make_document(make_result())
    assert [path.name for path in write_plots(document, tmp_path, overwrite=False)] == ["latency.png"]
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_plots(document, tmp_path, overwrite=False)


def test_accuracy_and_sustained_latency_are_plotted_where_known(make_result, make_document, tmp_path: Path):
    window = Window(start_s=0.0, p50_ms=1.0, p90_ms=1.2, temperature_c=51.0)
    run = Sustained(
        name="litert int8 x1",
        burst_p50_ms=1,
        sustained_p50_ms=1,
        ratio=1,
        verdict="VALID",
        reasons=(),
        windows=[window],
    )
    document = make_document(make_result(exact_match=1.0), sections=Sections(sustained=[run]))
    names = {path.name for path in write_plots(document, tmp_path / "known", overwrite=False)}
    assert names == {"latency.png", "pareto.png", "sustained.png"}


def test_an_invalid_result_is_not_in_the_accuracy_plot(make_result, make_document, tmp_path: Path):
    document = make_document(make_result(exact_match=0.99, verdict="INVALID"))
    assert "pareto.png" not in {path.name for path in write_plots(document, tmp_path, overwrite=False)}
