"""The report: a table on the terminal, and JSON, CSV, Markdown and plots in files."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from fashion_bench.document import INVALID, VALID, Document, Result, read_document
from fashion_bench.plots import PLOTS, write_plots
from fashion_bench.verdict import Comparison, check_gate, compare_documents
from fashion_edge.atomic import atomic_file, is_device, refuse_existing, refuse_unwritable_file
from fashion_edge.console import say
from fashion_edge.errors import MissingExtraError, UsageError
from fashion_edge.progress import SteadyConsole
from fashion_edge.typed_json import encode_json

Cell = Callable[[Result], str]
COLOURS = {VALID: "green", INVALID: "red"}
WIDE = 200  # characters where standard output is not a terminal
DROPPED_FIRST = ("MAD", "KB", "p99.9", "max", "exact", "MB", "inf/s", "load", "first", "95 %")  # on narrow terminals
CSV_COLUMNS = (
    *("variant", "runtime", "engine", "precision", "threads", "bytes", "verdict", "samples"),
    *("import_ms", "load_ms", "first_ms", "p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms", "p99_ms", "p99_9_ms"),
    *("max_ms", "mad_ms", "inferences_per_second", "rss_mb", "peak_mb", "photos", "exact_match", "reasons"),
)


@dataclass(frozen=True)
class Outputs:
    """Where results are written, and what they are compared with."""

    json_file: Path | None = None
    csv: Path | None = None
    markdown: Path | None = None
    plots: Path | None = None
    baseline: Path | None = None
    gate: float | None = None
    overwrite: bool = False

    def check(self) -> Document | None:
        """Before anything is measured, check that outputs can be written; returns the baseline.

        Raises:
            UsageError: a folder, one file for two outputs, a place that cannot be written, a gate without a baseline,
                or a baseline that is not a result of this schema.
            OutputExistsError: an output exists already.
            MissingExtraError: plots are wanted and matplotlib is not installed.
        """
        files = {"--json": self.json_file, "--csv": self.csv, "--markdown": self.markdown}
        taken: dict[Path, str] = {}
        for flag, file in files.items():
            if file is None or is_device(file):
                continue
            if other := taken.get(file.resolve()):
                raise UsageError(f"{other} and {flag} both name {file}; give each its own file")
            taken[file.resolve()] = flag
            refuse_unwritable_file(f"{flag} {file}", file)
            refuse_existing(file, overwrite=self.overwrite)
        if self.plots and find_spec("matplotlib") is None:
            raise MissingExtraError("matplotlib", "bench")
        for plot in (self.plots / name for name in PLOTS) if self.plots else ():
            refuse_existing(plot, overwrite=self.overwrite)
            refuse_unwritable_file(f"--plots {plot}", plot)
        if self.gate is not None and self.baseline is None:
            raise UsageError(f"--gate {self.gate:g} needs something to compare with: add --baseline FILE")
        return read_document(self.baseline) if self.baseline else None


def write_outputs(document: Document, outputs: Outputs, baseline: Document | None) -> None:
    """Write the files, print the report, apply the gate, which decides even where the report cannot be printed.

    Raises:
        GateError: a case is slower than the gate allows.
        OSError: a file cannot be written, or the report cannot and the gate passes.
    """
    comparisons = compare_documents(baseline, document) if baseline else []
    for path in _write_files(document, comparisons, outputs):
        say(f"fashion-bench: wrote {path}")
    try:
        print_report(document, comparisons, report_console())
    finally:
        if outputs.gate is not None:
            check_gate(comparisons, outputs.gate)


def _write_files(document: Document, comparisons: Sequence[Comparison], outputs: Outputs) -> Iterator[Path]:
    texts: dict[Path | None, Callable[[], str]] = {
        outputs.json_file: lambda: encode_json(document.to_json()).decode() + "\n",
        outputs.csv: lambda: to_csv(document),
        outputs.markdown: lambda: to_markdown(document, comparisons),
    }
    for path, make_text in texts.items():
        if path:
            with atomic_file(path, overwrite=outputs.overwrite) as part:
                part.write_text(make_text(), encoding="utf-8")
            yield path
    if outputs.plots:
        yield from write_plots(document, outputs.plots, overwrite=outputs.overwrite)


def report_console() -> Console:
    """Standard output; as wide as the table needs where it is a file or a pipe."""
    console = SteadyConsole()
    return console if console.is_terminal else SteadyConsole(width=WIDE)


def print_report(document: Document, comparisons: Sequence[Comparison], console: Console) -> None:
    """Machine, table, every reason why a figure is unreliable, what was skipped, and the other findings."""
    plain: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}
    console.print(document.machine.line, style="dim", **plain)
    console.print(latency_table(document, console))
    for result in document.results:
        for reason in result.reasons:
            console.print(f"{result.verdict}  {result.case.name}: {reason}", style=_colour(result), **plain)
    for entry in document.skipped:
        console.print(f"SKIPPED  {entry.reason}", style="yellow", **plain)
    if document.floor and len(document.floor.samples):
        floor = document.floor.quantile("p50") * 1e3
        console.print(f"the harness itself takes {floor:.2f} µs an inference (p50)", **plain)
    for line in (*_finding_lines(document), *(comparison.line for comparison in comparisons)):
        console.print(line, **plain)


def latency_table(document: Document, console: Console) -> Table:
    """One row a case, milliseconds; `-` where there are too few samples. Drops columns that do not fit."""
    columns = dict(COLUMNS)
    if not any(result.accuracy for result in document.results):
        del columns["exact"]
    table = _fill_table(document, columns)
    for name in DROPPED_FIRST:
        if Measurement.get(console, console.options, table).maximum <= console.width:
            break
        columns.pop(name, None)
        table = _fill_table(document, columns)
    return table


def _fill_table(document: Document, columns: Mapping[str, Cell]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name == "variant" else "right", no_wrap=True)
    for result in document.results:
        table.add_row(*(cell(result) for cell in columns.values()), style=_colour(result))
    return table


def _quantile(name: str) -> Cell:
    def cell(result: Result) -> str:
        known = len(result.samples) and (name == "p50" or result.interval(name))
        return f"{result.quantile(name):.3f}" if known else "-"

    return cell


def _interval(result: Result) -> str:
    interval = result.interval("p50") if len(result.samples) else None
    return f"{interval.low:.3f}-{interval.high:.3f}" if interval else "-"


def _median(key: str, digits: int) -> Cell:
    return lambda result: f"{result.median_of_rounds(key):.{digits}f}" if result.rounds else "-"


def _sampled(digits: int, figure: Callable[[Result], float]) -> Cell:
    return lambda result: f"{figure(result):.{digits}f}" if len(result.samples) else "-"


def _exact(result: Result) -> str:
    share = result.accuracy.exact_match if result.accuracy else None
    return "-" if share is None else f"{share:.1%}"


def _memory(result: Result) -> str:
    return f"{result.memory.rss_mb:.0f}" if result.memory and result.memory.rss_mb else "-"


COLUMNS: Mapping[str, Cell] = {
    "variant": lambda result: f"{result.runtime} {result.precision}",
    "threads": lambda result: str(result.threads),
    "load": _median("load_ms", 1),
    "first": _median("first_ms", 2),
    "p50": _quantile("p50"),
    "95 %": _interval,
    "p90": _quantile("p90"),
    "p99": _quantile("p99"),
    "p99.9": _quantile("p99_9"),
    "max": _sampled(2, lambda result: float(result.samples.max())),
    "MAD": _sampled(3, lambda result: result.mad_ms),
    "inf/s": _sampled(0, lambda result: result.per_second),
    "MB": _memory,
    "KB": lambda result: f"{result.bytes / 1024:.0f}",
    "exact": _exact,
    "verdict": lambda result: result.verdict,
}


def _colour(result: Result) -> str:
    return COLOURS.get(result.verdict, "yellow")


def _finding_lines(document: Document) -> Iterator[str]:
    yield from filter(None, map(_ceiling_line, document.results))
    for found in document.sections.end_to_end:
        pace = f"at {found.fps_asked:g} frames/s" if found.fps_asked else "as fast as it goes"
        yield (
            f"end to end, {found.name}, {pace}: {found.fps:.1f} frames/s, "
            f"{found.cpu_ms_per_frame:.2f} ms of processor time a frame, {found.cores_busy:.2f} cores busy"
        )
        yield "  " + ", ".join(f"{stage} {p50:.2f} (p99 {p99:.2f})" for stage, p50, p99 in found.summarize()) + " ms"
    for run in document.sections.sustained:
        yield (
            f"sustained {run.name}: {run.verdict}, first p50 {run.burst_p50_ms:.3f} ms, "
            f"sustained {run.sustained_p50_ms:.3f} ms ({run.ratio:.2f}x)"
        )
        yield from (f"  {reason}" for reason in run.reasons)
    for result in document.results:
        if result.operators:
            yield f"operators of {result.case.name}:"
            yield from (f"  {entry.share:6.1%} {entry.ms:9.4f} ms  {entry.name}" for entry in result.operators)


def _ceiling_line(result: Result) -> str:
    found = result.ceiling
    if not (found and found.operations and len(result.samples)):
        return ""
    rate = found.operations / (result.quantile("p50") * 1e6)  # billion a second, from the samples themselves
    return f"{result.case.name}: {found.operations / 1e6:.1f} million operations at {rate:.1f} billion a second"


def to_csv(document: Document) -> str:
    """One line a case, unrounded; a quantile with too few samples is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_csv_row(result) for result in document.results)
    return text.getvalue()


def _csv_row(result: Result) -> dict[str, Any]:
    entry = result.to_json()
    low, high = entry.get("p50_interval_ms") or (None, None)
    unsupported = {f"{name}_ms": None for name in ("p90", "p99", "p99_9") if not entry.get(f"{name}_interval_ms")}
    return {
        **entry,
        **unsupported,
        "p50_low_ms": low,
        "p50_high_ms": high,
        "peak_mb": result.memory.peak_mb if result.memory else None,
        "photos": result.accuracy.photos if result.accuracy else None,
        "exact_match": result.accuracy.exact_match if result.accuracy else None,
        "reasons": "; ".join(result.reasons),
    }


def to_markdown(document: Document, comparisons: Sequence[Comparison] = ()) -> str:
    """The table, the machine, the command, and the reasons why figures are unreliable."""
    rows = [[cell(result) for cell in COLUMNS.values()] for result in document.results]
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|--:" * (len(COLUMNS) - 1) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", f"Milliseconds; {document.machine.line}. Measured {document.created[:10]} by"]
    lines += [f"`{document.command}`.", ""]
    lines += [
        f"- {result.verdict} {result.case.name}: {'; '.join(result.reasons)}"
        for result in document.results
        if result.reasons
    ]
    lines += [f"- skipped: {entry.reason}" for entry in document.skipped]
    lines += [f"- against the baseline, {comparison.line}" for comparison in comparisons]
    return "\n".join(lines).rstrip() + "\n"
