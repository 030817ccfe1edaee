"""Every way out: the table and the sketches to standard output, files to where they were asked for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fashion_bench.document import Document, read_document
from fashion_bench.operators import describe_ceiling
from fashion_bench.verdict import Comparison, check_gate, compare_documents
from fashion_edge.atomic import atomic_file, is_device, refuse_existing, refuse_unwritable_file
from fashion_edge.console import say
from fashion_edge.errors import MissingExtraError, UsageError

PLOTS = ("latency.png", "pareto.png", "sustained.png")


@dataclass(frozen=True)
class Outputs:
    """Where results go, and what they are held against."""

    json_file: Path | None = None
    csv: Path | None = None
    markdown: Path | None = None
    plots: Path | None = None
    baseline: Path | None = None
    gate: float | None = None
    overwrite: bool = False

    def check(self) -> Document | None:
        """Refuse before anything is measured what could not be written or compared after; gives the baseline.

        Raises:
            UsageError: a folder, one file for two outputs, a place that cannot be written, a gate without a baseline,
                or a baseline that is no result of this schema.
            OutputExistsError: an output is there already.
            MissingExtraError: plots were asked for and matplotlib is not installed.
        """
        files = {"--json": self.json_file, "--csv": self.csv, "--markdown": self.markdown}
        taken: dict[Path, str] = {}
        for flag, file in files.items():
            if file is None:
                continue
            if other := taken.get(file.resolve()):
                raise UsageError(f"{other} and {flag} both name {file}; give each a file of its own")
            refuse_unwritable_file(f"{flag} {file}", file)
            if is_device(file):
                continue
            taken[file.resolve()] = flag
            refuse_existing(file, overwrite=self.overwrite)
        if self.plots and find_spec("matplotlib") is None:
            raise MissingExtraError("matplotlib", "bench")
        for plot in (self.plots / name for name in PLOTS) if self.plots else ():
            refuse_existing(plot, overwrite=self.overwrite)
            refuse_unwritable_file(f"--plots {plot}", plot)
        if self.gate is not None and self.baseline is None:
            raise UsageError(f"--gate {self.gate:g} needs something to compare with: add --baseline FILE")
        return read_document(self.baseline) if self.baseline else None


def deliver(document: Document, outputs: Outputs, baseline: Document | None) -> None:
    """Write, compare with a `baseline` of a like machine, print; the gate speaks even where the table is not printed.

    Raises:
        GateError: the gate says no.
        OSError: a file or the table cannot be written; of the table alone only where the gate says nothing.
    """
    for path in _write_data(document, outputs):
        say(f"fashion-bench: wrote {path}")
    comparisons = compare_documents(baseline, document) if baseline else []
    if outputs.markdown:
        _write_text(outputs.markdown, _markdown(document, comparisons), outputs)
        say(f"fashion-bench: wrote {outputs.markdown}")
    try:
        _print(document, comparisons)
    finally:
        if outputs.gate is not None:
            check_gate(comparisons, outputs.gate)


def _print(document: Document, comparisons: Sequence[Comparison]) -> None:
    from fashion_bench.plots import sketch
    from fashion_bench.table import print_report, report_console

    console = report_console()
    print_report(document, console)
    for line in (*sketch(document), *describe_ceiling(document.results), *_section_lines(document)):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    for comparison in comparisons:
        console.print(comparison.line, soft_wrap=True, highlight=False, markup=False)


def _write_data(document: Document, outputs: Outputs) -> Iterator[Path]:
    if outputs.json_file:
        yield _write_text(outputs.json_file, json.dumps(document.to_json()) + "\n", outputs)
    if outputs.csv:
        from fashion_bench.table import to_csv

        yield _write_text(outputs.csv, to_csv(document), outputs)
    if outputs.plots:
        from fashion_bench.plots import write_plots

        yield from write_plots(document, outputs.plots, overwrite=outputs.overwrite)


def _write_text(path: Path, text: str, outputs: Outputs) -> Path:
    with atomic_file(path, overwrite=outputs.overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _markdown(document: Document, comparisons: Sequence[Comparison]) -> str:
    from fashion_bench.table import to_markdown

    return to_markdown(document, comparisons)


def _section_lines(document: Document) -> Iterator[str]:
    from fashion_bench.endtoend import summarise

    sections = document.sections or {}
    for found in sections.get("end_to_end", []):
        pace = f"{found['fps_asked']:g} frames/s asked" if found["fps_asked"] else "flat out"
        yield (
            f"end to end, {found['name']}, {pace}: {found['fps']:.1f} frames/s, "
            f"{found['cpu_ms_per_frame']:.2f} ms of processor time a frame, {found['cores_busy']:.2f} cores busy"
        )
        yield "  " + ", ".join(f"{stage} {p50:.2f} (p99 {p99:.2f})" for stage, p50, p99 in summarise(found)) + " ms"
    for run in sections.get("sustained", []):
        yield (
            f"sustained {run['name']}: {run['verdict']}, burst p50 {run['burst_p50_ms']:.3f} ms, "
            f"sustained {run['sustained_p50_ms']:.3f} ms ({run['ratio']:.2f}x)"
        )
        yield from (f"  {reason}" for reason in run["reasons"])
    for result in document.results:
        if operators := result.extras.get("operators"):
            yield f"operators of {result.case.name}:"
            yield from (f"  {entry['share']:6.1%} {entry['ms']:9.4f} ms  {entry['name']}" for entry in operators)
