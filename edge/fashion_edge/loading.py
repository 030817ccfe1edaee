"""Choose a variant of a bundle and load it.

Arguments come first, then the profile that a benchmark wrote on this device, then the order of the bundle.
`Classifier.load` and all commands load models here.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from fashion_edge.atomic import atomic_file
from fashion_edge.backends import Backend, name_runtime, open_backend
from fashion_edge.bundle import AGAIN, Bundle, Variant, load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE, find_bundle
from fashion_edge.errors import ModelError, UsageError
from fashion_edge.golden import self_check
from fashion_edge.typed_json import encode_json, read_bounded, read_json

SCHEMA = 1
MAX_BYTES = 64 << 10
MAX_THREADS = 64
MAX_CHECKS = 99  # earlier checks that are remembered


@dataclass(frozen=True)
class Profile:
    """The variant that a benchmark chose for this device."""

    file: str  # of the bundle's variants
    sha256: str
    runtime: str
    precision: str
    threads: Annotated[int, msgspec.Meta(ge=1, le=MAX_THREADS)]
    reason: str  # why this one, in a few words with its figures
    created: str  # ISO 8601, UTC

    def match(self, bundle: Bundle) -> Variant | None:
        """Return the variant of this bundle that was chosen; None where the bundle does not hold that very file."""
        wanted = self.file, self.sha256, self.runtime
        return next((one for one in bundle.manifest.variants if (one.file, one.sha256, one.runtime) == wanted), None)


class _Version(msgspec.Struct):
    schema: int


def default_profile(environ: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CONFIG_HOME/fashion-edge/profile.json, by default below ~/.config (XDG Base Directory Specification)."""
    return _xdg_folder(environ, "XDG_CONFIG_HOME", ".config") / "profile.json"


def _xdg_folder(environ: Mapping[str, str], variable: str, default: str) -> Path:
    base = environ.get(variable, "")
    folder = Path(base) if base.startswith("/") else Path.home() / default  # the specification ignores relative ones
    return folder / "fashion-edge"


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile in place of an older one."""
    with atomic_file(path, overwrite=True) as part:
        part.write_bytes(encode_json({"schema": SCHEMA, **vars(profile)}, indent=2) + b"\n")


def load_profile(path: Path) -> Profile:
    """Read and check a profile.

    Raises:
        UsageError: missing, damaged, of another schema, or with a value out of range.
    """
    schema = read_json(path, _Version, MAX_BYTES, _profile_error).schema
    if schema != SCHEMA:
        raise _profile_error(f"{path} has schema {schema}, not {SCHEMA}")
    return read_json(path, Profile, MAX_BYTES, _profile_error)


def _profile_error(text: str) -> UsageError:
    return UsageError(f"profile {text}; choose again with fashion-bench --choose, or delete it")


@dataclass(frozen=True)
class Model:
    """A loaded variant of a bundle that passed its self-check."""

    bundle: Bundle
    variant: Variant
    backend: Backend
    threads: int
    reason: str = ""  # of a device profile, where that chose the variant

    def describe(self) -> str:
        """One line for the start of a run."""
        where = "the shipped bundle" if self.bundle.path == SHIPPED_BUNDLE else f"bundle {self.bundle.path}"
        size, pool = f"{self.variant.bytes / 1024:.0f} KB", f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        chosen = f" (fashion-bench chose it here, {self.reason})" if self.reason else ""
        return f"{where}: {self.variant.file}, {size}, on {self.backend.name}, {pool}{chosen}; self-check passed"


def open_model(
    bundle: Path | None = None,
    *,
    runtime: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    profile: Path | None = None,
) -> Model:
    """Choose a variant, load it, and replay its golden inputs: the first time in a subprocess, which may crash.

    Args:
        bundle: bundle folder, or `shipped`; by default the newest in ./bundles, else the shipped one.
        runtime: `litert` or `onnx`.
        precision: `int8`, `int16x8`, `dynamic`, `float16` or `float32`.
        threads: threads for inference; by default those of the profile, else 1.
        profile: a device profile; by default the one in ~/.config, if there is one.

    Raises:
        BundleError: the bundle is missing or damaged, or has no such variant.
        ModelError: the model crashes, hangs, or gives other scores than at the export.
        UsageError: the profile is damaged, or `profile` is of another bundle.
        MissingExtraError: the runtime is not installed.
    """
    opened = load_bundle(find_bundle(bundle))
    variant, chosen = choose_variant(opened, runtime, precision, profile)
    count = threads or (chosen.threads if chosen else 1)
    if opened.path != SHIPPED_BUNDLE:  # who can change that one can change this code, too
        check_isolated(opened, variant, count)
    backend = open_backend(opened, variant, count)
    self_check(opened, variant, backend)
    return Model(opened, variant, backend, count, chosen.reason if chosen else "")


def choose_variant(
    bundle: Bundle, runtime: str | None = None, precision: str | None = None, profile: Path | None = None
) -> tuple[Variant, Profile | None]:
    """Choose as `open_model` does; returns the variant, and the profile that chose it."""
    path = profile or default_profile()
    if runtime is None and precision is None and (profile or path.is_file()):
        chosen = load_profile(path)
        if (variant := chosen.match(bundle)) is not None:
            return variant, chosen
        if profile:
            raise UsageError(
                f"--profile {path} was chosen for another bundle than {bundle.path}; run fashion-bench --choose again"
            )
    return bundle.find(runtime, precision), None


def check_isolated(bundle: Bundle, variant: Variant, threads: int) -> None:
    """Load a variant and replay its golden inputs in a subprocess, unless that went well before on this machine.

    Raises:
        ModelError: it failed, or ended the subprocess: by a crash, a hang, or too much memory.
        MissingExtraError: the runtime is not installed.
    """
    runtime = name_runtime(variant.runtime)
    conditions = (variant.sha256, bundle.manifest.golden.sha256, runtime, threads, *os.uname())
    key = hashlib.sha256(repr(conditions).encode()).hexdigest()
    if key in _passed():
        return
    from subprocess import DEVNULL

    from fashion_edge.isolated import IsolatedProcess

    with closing(IsolatedProcess(DEVNULL)) as process:
        result = process.run("replay", str(bundle.path), variant.file, threads)
    if result.state == "crashed":
        reason = f"does not run on {runtime}: the process that tries it {result.text}"
        raise ModelError(f"{bundle.path / variant.file} {reason}; {AGAIN}, or run fashion-doctor")
    if result.state == "failed":
        raise ModelError(result.text)
    _remember(key)


def checks_file(environ: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CACHE_HOME/fashion-edge/checked, by default below ~/.cache: one SHA-256 for each check that went well."""
    return _xdg_folder(environ, "XDG_CACHE_HOME", ".cache") / "checked"


def _passed() -> list[str]:
    """Keys of earlier checks; none where the file is missing or damaged."""
    try:
        return read_bounded(checks_file(), MAX_BYTES, UsageError).decode().split()
    except ValueError:
        return []


def _remember(key: str) -> None:
    with suppress(OSError, UsageError), atomic_file(checks_file(), overwrite=True) as part:  # a home may be read-only
        part.chmod(0o600)
        part.write_text("\n".join([*_passed()[-MAX_CHECKS:], key]) + "\n", encoding="utf-8")
