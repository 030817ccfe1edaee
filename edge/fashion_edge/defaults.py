"""Which run or bundle is meant when none was named: the newest here, else the bundle inside the package."""

from pathlib import Path

RUNTIMES = ("litert", "onnx")
PRECISIONS = ("int8", "int16x8", "dynamic", "float16", "float32")


FROZEN_S = 5.0  # frozen-feed detection: the same picture for so long counts as a lost camera
RUNS = Path("runs")
BUNDLES = Path("bundles")
SHIPPED_BUNDLE = Path(__file__).with_name("shipped_bundle")


def newest(parent: Path, marker: str) -> Path | None:
    """The folder below `parent` whose `marker` file was written last; None where there is none."""
    if not parent.is_dir():
        return None
    marked = [entry / marker for entry in parent.iterdir() if not entry.name.startswith(".")]
    marked = [file for file in marked if file.is_file()]
    return max(marked, key=lambda file: file.stat().st_mtime_ns).parent if marked else None


def default_bundle() -> Path:
    """The newest bundle below ./bundles, else the one that ships."""
    return newest(BUNDLES, "manifest.json") or SHIPPED_BUNDLE


def find_bundle(named: Path | None) -> Path:
    """The bundle that was named, else the default; `shipped` is the one that ships where no such folder is here."""
    if named == Path("shipped") and not named.is_dir():
        return SHIPPED_BUNDLE
    return named or default_bundle()


def default_run() -> Path | None:
    """The newest run below ./runs, or None."""
    return newest(RUNS, "run.json")
