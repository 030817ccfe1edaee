"""CSV for a spreadsheet and Markdown for a README, from a document alone."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from fashion_bench.compare import Comparison
from fashion_bench.document import Document
from fashion_bench.machine import machine_line
from fashion_bench.table import plain_rows

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
