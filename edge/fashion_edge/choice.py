"""Which model runs: by the flags, else by what a benchmark chose on this device, else by the bundle's preference."""

from dataclasses import dataclass

from fashion_edge.backends import Backend, open_backend
from fashion_edge.bundle import Bundle, Variant, load_bundle
from fashion_edge.errors import UsageError
from fashion_edge.golden import self_check
from fashion_edge.locate import SHIPPED_BUNDLE, find_bundle
from fashion_edge.profile import default_profile, load_profile
from fashion_edge.request import Request


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
