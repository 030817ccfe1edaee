"""The commands of docs/how-to/raspberry-pi.md, which the testbeds run as they stand there."""

import re

from testbed.host import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "raspberry-pi.md"


def commands() -> list[str]:
    """The lines of its shell blocks that are ours to run: those with sudo are the distribution's."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("sudo ")]


def bounded(command: str) -> str:
    """The command so that it ends by itself."""
    live = "bin/fashion-edge" in command and "--install-service" not in command
    return f"{command} --frames 3" if live else command
