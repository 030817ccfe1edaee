"""Default runs, bundles and settings."""

from pathlib import Path

SOURCE_VARIABLE = "FASHION_EDGE_SOURCE"
RUNTIMES = ("litert", "onnx")
PRECISIONS = ("int8", "int16x8", "dynamic", "float16", "float32")


FROZEN_S = 5.0  # frozen-feed detection: the same picture for so long counts as a lost camera
RUNS = Path("runs")
BUNDLES = Path("bundles")
SHIPPED_BUNDLE = Path(__file__).with_name("shipped_bundle")


def newest(parent: Path, marker: str) -> Path | None:
    """Return the folder below `parent` with the newest `marker` file, or None."""
    if not parent.is_dir():
        return None
    marked = [entry / marker for entry in parent.iterdir() if not entry.name.startswith(".")]
    marked = [file for file in marked if file.is_file()]
    return max(marked, key=lambda file: file.stat().st_mtime_ns).parent if marked else None


def default_bundle() -> Path:
    """Return the newest bundle in ./bundles, else the shipped one."""
    return newest(BUNDLES, "manifest.json") or SHIPPED_BUNDLE


def find_bundle(named: Path | None) -> Path:
    """Return the given bundle, else the default; `shipped` is the shipped one, unless a folder has that name."""
    if named == Path("shipped") and not named.is_dir():
        return SHIPPED_BUNDLE
    return named or default_bundle()


def default_run() -> Path | None:
    """Return the newest run in ./runs, or None."""
    return newest(RUNS, "run.json")
