"""The device profile: which variant, runtime and thread count a benchmark on this device chose.

`fashion-bench --choose` writes it, `fashion-edge` starts with it. It names the bundle by the hash of the model file,
so that a profile of another bundle is never applied. The format is in docs/profile.md.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fashion_edge.atomic import atomic_file
from fashion_edge.bundle import Bundle, Variant
from fashion_edge.errors import UsageError

SCHEMA = 1
MAX_BYTES = 64 << 10
MAX_THREADS = 64
WORDS = ("file", "sha256", "runtime", "precision", "reason", "created")


@dataclass(frozen=True)
class Profile:
    """What to run on this device."""

    file: str  # of the bundle's variants
    sha256: str
    runtime: str
    precision: str
    threads: int
    reason: str  # why this one, in a few words with its figures
    created: str  # ISO 8601, UTC

    def match(self, bundle: Bundle) -> Variant | None:
        """The variant of this bundle that was chosen; None where the bundle does not hold that very file."""
        for variant in bundle.manifest.variants:
            if (variant.file, variant.sha256, variant.runtime) == (self.file, self.sha256, self.runtime):
                return variant
        return None


def default_profile(environ: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CONFIG_HOME/fashion-edge/profile.json, by default below ~/.config (XDG Base Directory Specification)."""
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"  # the specification ignores relative ones
    return folder / "fashion-edge" / "profile.json"


def write_profile(path: Path, profile: Profile) -> None:
    """Write it, replacing an older one: it says of itself what chose it."""
    with atomic_file(path, overwrite=True) as part:
        part.write_text(json.dumps({"schema": SCHEMA, **vars(profile)}, indent=2) + "\n", encoding="utf-8")


def load_profile(path: Path) -> Profile:
    """Read and check a profile.

    Raises:
        UsageError: missing, damaged, of another schema, or with a value out of range.
    """
    mend = "choose anew with fashion-bench --choose, or delete it"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"profile {path} cannot be read ({error.strerror}); {mend}") from error
    try:
        root = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"profile {path} is not JSON ({error}); {mend}") from error
    if not isinstance(root, dict) or root.get("schema") != SCHEMA:
        raise UsageError(f"profile {path} is not of schema {SCHEMA}; {mend}")
    words: dict[str, Any] = {key: root.get(key) for key in WORDS}
    if bad := [key for key, value in words.items() if not isinstance(value, str)]:
        raise UsageError(f"profile {path} has no text for {', '.join(bad)}; {mend}")
    return Profile(**words, threads=_threads(root.get("threads"), path, mend))


def _threads(value: Any, path: Path, mend: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_THREADS:
        raise UsageError(f"profile {path} has threads {value!r}, not a number in 1..{MAX_THREADS}; {mend}")
    return value
