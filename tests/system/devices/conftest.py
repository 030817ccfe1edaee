"""The device tests run by `make test-devices` where the machine allows them, else they are skipped."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # pytest imports each test file on its own; this finds the package testbed
SWITCH = "FASHION_DEVICES"


@pytest.hookimpl(tryfirst=True)  # before pytest selects by -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    if not ours:
        return
    for item in ours:
        item.add_marker(pytest.mark.devices)
    if os.environ.get(SWITCH) != "1":
        reason: str | None = f"takes minutes and root: run make test-devices (it sets {SWITCH}=1)"
    else:
        from testbed.host import why_not

        reason = why_not()
    if reason:
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree's wheel."""
    from testbed.wheels import build_wheel

    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def record() -> Callable[[str, object], None]:
    """Keep a measurement of this run in .devices/results."""
    from testbed.host import WORK

    def write(name: str, facts: object) -> None:
        folder = WORK / "results"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")

    return write
