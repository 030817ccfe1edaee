"""Resident memory of this process, from the kernel's own books."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_mb(status: Path = STATUS) -> dict[str, float | None]:
    """{"rss_mb", "peak_mb"}: resident now, and at its highest since the program started; None where not known.

    VmHWM belongs to this program alone; getrusage's ru_maxrss would also carry the parent's size over the fork.
    """
    fields = (
        dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line) if status.exists() else {}
    )
    return {"rss_mb": _mb(fields.get("VmRSS")), "peak_mb": _mb(fields.get("VmHWM"))}


def _mb(text: str | None) -> float | None:
    return round(int(text.split()[0]) / 1024, 2) if text else None
