"""Which model runs: by the flags, else by what a benchmark chose on this device, else by the bundle's preference."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fashion_edge.atomic import atomic_file
from fashion_edge.backends import Backend, open_backend
from fashion_edge.bundle import Bundle, Variant, load_bundle
from fashion_edge.cli.request import Request
from fashion_edge.defaults import SHIPPED_BUNDLE, find_bundle
from fashion_edge.errors import UsageError
from fashion_edge.golden import self_check

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


@dataclass(frozen=True)
class Model:
    """A variant of a bundle, loaded, and proven on its golden frames."""

    bundle: Bundle
    variant: Variant
    backend: Backend
    threads: int
    why: str = ""  # what chose it, where that was not the bundle or the flags

    def describe(self) -> str:
        """One line for the start of a run."""
        where = "the shipped bundle" if self.bundle.path == SHIPPED_BUNDLE else f"bundle {self.bundle.path}"
        size, pool = f"{self.variant.bytes / 1024:.0f} KB", f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        chosen = f" ({self.why})" if self.why else ""
        return f"{where}: {self.variant.file}, {size}, on {self.backend.name}, {pool}{chosen}; self-check passed"


def open_model(request: Request) -> Model:
    """Choose a variant, load it, and replay the golden frames.

    Raises:
        BundleError: anything about the bundle is not as its export left it.
        UsageError: the device profile is damaged, or the one that was named is of another bundle.
    """
    bundle = load_bundle(find_bundle(request.bundle))
    variant, threads, why = choose_variant(request, bundle)
    backend = open_backend(bundle, variant, threads)
    self_check(bundle, variant, backend)
    return Model(bundle, variant, backend, threads, why)


def choose_variant(request: Request, bundle: Bundle) -> tuple[Variant, int, str]:
    """The variant, its threads, and what chose it where that was neither the bundle nor the flags.

    A runtime or precision wins over a profile; that nobody names both on a command line `Request.check` sees to.

    Raises:
        BundleError: the bundle has no such variant.
        UsageError: the device profile is damaged, or the one that was named is of another bundle.
    """
    path = request.profile or default_profile()
    if request.runtime is None and request.precision is None and (request.profile or path.is_file()):
        profile = load_profile(path)
        if (variant := profile.match(bundle)) is not None:
            return variant, request.threads or profile.threads, f"fashion-bench chose it here, {profile.reason}"
        if request.profile:
            raise UsageError(
                f"--profile {path} was chosen for another bundle than {bundle.path}; run fashion-bench --choose again"
            )
    return bundle.find(request.runtime, request.precision), request.threads or 1, ""
