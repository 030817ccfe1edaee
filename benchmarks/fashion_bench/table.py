"""CSV for a spreadsheet and Markdown for a README, from a document alone."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from fashion_bench.document import Document
from fashion_bench.machine import machine_line
from fashion_bench.results import Result
from fashion_bench.stats import median_deviation
from fashion_bench.verdict import INVALID, VALID, Comparison
from fashion_edge.progress import SteadyConsole

Cell = Callable[[Result], str]

COLOURS = {VALID: "green", INVALID: "red"}
WIDE = 200  # characters where standard output is no terminal
DROPPED_FIRST = ("MAD", "KB", "p99.9", "max", "exact", "MB", "inf/s", "load", "first", "95 %")  # on narrow terminals


def report_console() -> Console:
    """Standard output; as wide as the table needs where it is a file or a pipe."""
    console = SteadyConsole()
    return console if console.is_terminal else SteadyConsole(width=WIDE)


def print_report(document: Document, console: Console) -> None:
    """Machine, results, what was skipped, and every reason why a figure is not to be believed."""
    plain: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}
    console.print(machine_line(document.machine), style="dim", **plain)
    console.print(latency_table(document, console))
    for result in document.results:
        for reason in result.reasons:
            console.print(f"{result.verdict}  {result.case.name}: {reason}", style=_colour(result), **plain)
    for entry in document.skipped:
        console.print(f"SKIPPED  {entry['reason']}", style="yellow", **plain)
    if document.floor and len(document.floor.samples):
        floor = document.floor.quantile("p50") * 1e3
        console.print(f"the harness itself takes {floor:.2f} µs an inference (p50)", **plain)


def latency_table(document: Document, console: Console) -> Table:
    """One row a case, milliseconds; `-` where the samples do not carry the figure. Drops columns that do not fit."""
    columns = dict(COLUMNS)
    if not any("accuracy" in result.extras for result in document.results):
        del columns["exact"]
    table = _fill(document, columns)
    for name in DROPPED_FIRST:
        if Measurement.get(console, console.options, table).maximum <= console.width:
            break
        columns.pop(name, None)
        table = _fill(document, columns)
    return table


def plain_rows(document: Document) -> list[list[str]]:
    """The whole table as text, headings first."""
    return [list(COLUMNS), *([cell(result) for cell in COLUMNS.values()] for result in document.results)]


def _fill(document: Document, columns: Mapping[str, Cell]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name == "variant" else "right", no_wrap=True)
    for result in document.results:
        table.add_row(*(cell(result) for cell in columns.values()), style=_colour(result))
    return table


def _quantile(name: str) -> Cell:
    def cell(result: Result) -> str:
        carried = len(result.samples) and (name == "p50" or result.interval(name))
        return f"{result.quantile(name):.3f}" if carried else "-"

    return cell


def _interval(result: Result) -> str:
    interval = result.interval("p50") if len(result.samples) else None
    return f"{interval.low:.3f}-{interval.high:.3f}" if interval else "-"


def _median(key: str, digits: int) -> Cell:
    return lambda result: f"{result.median_of_rounds(key):.{digits}f}" if result.rounds else "-"


def _exact(result: Result) -> str:
    share = result.extras.get("accuracy", {}).get("exact_match")
    return "-" if share is None else f"{share:.1%}"


def _memory(result: Result) -> str:
    megabytes = result.extras.get("memory", {}).get("rss_mb")
    return f"{megabytes:.0f}" if megabytes else "-"


COLUMNS: Mapping[str, Cell] = {
    "variant": lambda result: f"{result.case.engine} {result.case.precision}",
    "threads": lambda result: str(result.case.threads),
    "load": _median("load_ms", 1),
    "first": _median("first_ms", 2),
    "p50": _quantile("p50"),
    "95 %": _interval,
    "p90": _quantile("p90"),
    "p99": _quantile("p99"),
    "p99.9": _quantile("p99_9"),
    "max": lambda result: f"{result.samples.max():.2f}" if len(result.samples) else "-",
    "MAD": lambda result: f"{median_deviation(result.samples):.3f}" if len(result.samples) else "-",
    "inf/s": lambda result: f"{result.per_second:.0f}" if len(result.samples) else "-",
    "MB": _memory,
    "KB": lambda result: f"{result.case.bytes / 1024:.0f}",
    "exact": _exact,
    "verdict": lambda result: result.verdict,
}


def _colour(result: Result) -> str:
    return COLOURS.get(result.verdict, "yellow")


CSV_COLUMNS = (
    *("variant", "runtime", "engine", "precision", "threads", "bytes", "verdict", "samples"),
    *("import_ms", "load_ms", "first_ms", "p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms", "p99_ms", "p99_9_ms"),
    *("max_ms", "mad_ms", "inferences_per_second", "rss_mb", "peak_mb", "photos", "exact_match", "reasons"),
)


def to_csv(document: Document) -> str:
    """One line a case, numbers as they are; a quantile that the samples do not carry is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_csv_row(result.to_json()) for result in document.results)
    return text.getvalue()


def to_markdown(document: Document, comparisons: Sequence[Comparison] = ()) -> str:
    """The table, the machine, the command, and what is not to be believed."""
    head, *rows = plain_rows(document)
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "--:" for i in range(len(head))) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", f"Milliseconds; {machine_line(document.machine)}. Measured {document.created[:10]} by"]
    lines += [f"`{document.command}`.", ""]
    lines += [
        f"- {result.verdict} {result.case.name}: {'; '.join(result.reasons)}"
        for result in document.results
        if result.reasons
    ]
    lines += [f"- skipped: {entry['reason']}" for entry in document.skipped]
    lines += [f"- against the baseline, {comparison.line}" for comparison in comparisons]
    return "\n".join(lines).rstrip() + "\n"


def _csv_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    low, high = entry.get("p50_interval_ms") or (None, None)
    unsupported = {f"{name}_ms": None for name in ("p90", "p99", "p99_9") if not entry.get(f"{name}_interval_ms")}
    memory, accuracy = entry.get("memory", {}), entry.get("accuracy", {})
    return {
        **entry,
        **unsupported,
        "p50_low_ms": low,
        "p50_high_ms": high,
        "peak_mb": memory.get("peak_mb"),
        "photos": accuracy.get("photos"),
        "exact_match": accuracy.get("exact_match"),
        "reasons": "; ".join(entry["reasons"]),
    }
