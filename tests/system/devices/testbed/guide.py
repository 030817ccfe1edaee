"""The commands of docs/how-to/raspberry-pi.md, which the testbeds run unchanged."""

import re

from testbed.host import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "raspberry-pi.md"


def commands() -> list[str]:
    """The lines of its shell blocks, without those that use sudo."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("sudo ")]


def bounded(command: str) -> str:
    """Limit a command that would run without end."""
    live = "bin/fashion-edge" in command and "--install-service" not in command
    return f"{command} --frames 3" if live else command
