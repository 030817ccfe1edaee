"""Check that the packages of this Python are those that its own pip would accept: wheel tags and dependencies."""

import sys
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name


def faults() -> list[str]:
    """One line for each distribution that does not belong here."""
    here = {canonicalize_name(d.name): d for d in distributions()}
    return [line for dist in here.values() for line in (*wrong_tags(dist), *missing(dist, here))]


def wrong_tags(dist: Distribution) -> list[str]:
    lines = (dist.read_text("WHEEL") or "").splitlines()
    tags = {tag for line in lines if line.startswith("Tag: ") for tag in parse_tag(line[5:])}
    return [] if tags & set(sys_tags()) else [f"{dist.name}: none of its tags fits: {sorted(map(str, tags))}"]


def missing(dist: Distribution, here: dict[str, Distribution]) -> list[str]:
    found = []
    for requirement in map(Requirement, dist.requires or []):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        other = here.get(canonicalize_name(requirement.name))
        if other is None or not requirement.specifier.contains(other.version, prereleases=True):
            found.append(f"{dist.name} needs {requirement}, here is {other.version if other else 'none'}")
    return found


if __name__ == "__main__":
    lines = faults()
    print("\n".join(lines) or f"{len(list(distributions()))} distributions fit {next(iter(sys_tags()))}")
    sys.exit(1 if lines else 0)
