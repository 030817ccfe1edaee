"""What a run reads from its environment, and a service would miss: systemd passes on nothing of a shell's.

A secret never stands in the unit, which every user of the machine may read, but in a file that root alone reads.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashion_edge.network import find_address, find_origins
from fashion_edge.profile import default_profile
from fashion_edge.sinks.mqtt.broker import VARIABLE as PASSWORD
from fashion_edge.sinks.web.guard import VARIABLE as TOKEN
from fashion_edge.sinks.web.guard import Guard
from fashion_edge.sources.stream import redact

if TYPE_CHECKING:
    from fashion_edge.request import Request

FILE = "/etc/fashion-edge.env"
QUOTED = r's/[\\"$`]/\\&/g; s/=/="/; s/$/"/p'  # for sed: a value as EnvironmentFile= of systemd.exec(5) reads it


@dataclass(frozen=True)
class Environment:
    """What the unit must bring along, and what to tell who installs it."""

    secrets: tuple[str, ...] = ()  # names only
    settings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def directives(self) -> str:
        """Lines for the section [Service]; without the file the unit does not start, let alone without its secrets."""
        lines = [f'Environment="{name}={_escape(value)}"' for name, value in self.settings]
        lines += [f"EnvironmentFile={FILE}"] if self.secrets else []
        return "".join(f"{line}\n" for line in lines)

    def comments(self) -> str:
        """Lines for the head of the unit."""
        if not self.secrets:
            return ""
        names = " and ".join(self.secrets)
        return f"# Write {FILE} first, from a shell that has {names} exported:\n#   {self.command}\n"

    @property
    def command(self) -> str:
        """Writes the secrets of a shell into the file; the values show nowhere."""
        return f"env | sed -nE '/^({'|'.join(self.secrets)})=/{{{QUOTED}}}' | sudo install -m 600 /dev/stdin {FILE}"


def read_environment(request: "Request", environ: Mapping[str, str] = os.environ) -> Environment:
    """What of the environment this run would use.

    Raises:
        UsageError: an address or origin of `--serve` that is none, a token that is too short.
    """
    asks = {TOKEN: request.serve is not None, PASSWORD: _asks_for_password(request)}
    secrets = tuple(name for name, asked in asks.items() if asked and environ.get(name))
    notes = [*_missing(request, environ)]
    if secrets:
        verb = "is" if len(secrets) == 1 else "are"
        command = Environment(secrets).command
        notes.append(
            f"{' and '.join(secrets)} {verb} not in the unit, which anybody may read; "
            f"before it starts write {FILE}, which it reads, with: {command}"
        )
    return Environment(secrets, _settings(request, environ), tuple(notes))


def _asks_for_password(request: "Request") -> bool:
    return request.mqtt is not None and request.mqtt_user is not None and request.mqtt_password_file is None


def _missing(request: "Request", environ: Mapping[str, str]) -> Iterator[str]:
    if redact(request.source_text()) != request.source_text():
        yield "the unit holds the password of --source, and anybody on this machine may read it there"
    address = find_address(request)
    if address is not None and Guard(address, environ, origins=find_origins(request)).generated:
        yield (
            f"{TOKEN} is not set, so the service makes a new token at each start and tells it to the journal alone; "
            f"for one that stays, export {TOKEN}=$(openssl rand -hex 16) and print the unit again"
        )
    if _asks_for_password(request) and not environ.get(PASSWORD):
        yield (
            f"{PASSWORD} is not set, so the service gives the broker no password for --mqtt-user {request.mqtt_user}; "
            "export it, or add --mqtt-password-file FILE, and print the unit again"
        )


def _settings(request: "Request", environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Where the device profile lies, if that is elsewhere than the service would look for it."""
    named = request.profile or request.runtime or request.precision
    base = environ.get("XDG_CONFIG_HOME", "")
    return (("XDG_CONFIG_HOME", base),) if base and not named and default_profile(environ).is_file() else ()


def _escape(value: str) -> str:
    """For Environment=, within double quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
