"""Root file systems from Debian packages, of any architecture: downloaded by apt and unpacked, but not configured.

apt gets folders of its own and an empty list of installed packages, so it resolves all dependencies and the machine's
own packages are neither used nor changed. The mirror is the one that this machine is set up with.
"""

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testbed.host import WORK, fresh, run, shell

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Spec:
    """Which packages make a root."""

    name: str
    arch: str  # amd64 or arm64
    suites: tuple[str, ...]  # the last one is preferred
    packages: tuple[str, ...]

    @property
    def stamp(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def make_root(spec: Spec) -> Path:
    """The unpacked root; built again if the spec changed, or if the last build was interrupted."""
    root = WORK / "roots" / spec.name
    mark = root / "etc" / "testbed-stamp"
    if mark.is_file() and mark.read_text() == spec.stamp:
        return root
    part = fresh(root.with_name(f"{spec.name}.part"))
    for name in ("bin", "sbin", "lib", "lib64"):  # merged /usr, before the first package arrives
        (part / "usr" / name).mkdir(parents=True)
        (part / name).symlink_to(f"usr/{name}")
    unpack(fetch(spec), part)
    (part / "etc").mkdir(exist_ok=True)
    (part / "etc" / "testbed-stamp").write_text(spec.stamp)
    shutil.rmtree(root, ignore_errors=True)
    part.rename(root)
    return root


def fetch(spec: Spec, *, alone: bool = False) -> list[Path]:
    """Download the packages and all they depend on, or the packages `alone`."""
    apt = WORK / "apt" / spec.name
    for folder in ("state/lists/partial", "cache/archives/partial", "preferences"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    lines = [f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n" for suite in spec.suites]
    (apt / "sources.list").write_text("".join(lines))
    settings = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": apt / "preferences",
        "APT::Architecture": spec.arch,
        "APT::Architectures": spec.arch,
        "APT::Default-Release": spec.suites[-1],
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    for old in (apt / "cache" / "archives").glob("*.deb"):
        old.unlink()
    run(["apt-get", "-qq", *options, "update"])
    archives = apt / "cache" / "archives"
    command = ["download"] if alone else ["--yes", "install", "--download-only"]
    run(["apt-get", "-qq", *options, *command, *spec.packages], cwd=archives)
    return sorted(archives.glob("*.deb"))


def unpack(debs: Sequence[Path], root: Path, *members: str) -> None:
    """Unpack packages, or only the members named, two at a time."""

    def one(deb: Path) -> None:
        shell('dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "${@:2}"', deb, root, *members)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, debs))


def mirror() -> str:
    """The Debian mirror that this machine gets its own packages from."""
    found = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).stdout.split()
    found = [address for address in found if "security" not in address]
    if not found:
        raise RuntimeError("apt knows no package index: run apt-get update")
    return found[0]
