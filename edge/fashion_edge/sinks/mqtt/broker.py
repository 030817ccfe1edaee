"""Which broker, and as whom; a password never stands on a command line, where every user of the machine reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from fashion_edge.errors import UsageError

VARIABLE = "FASHION_EDGE_MQTT_PASSWORD"
PORT, TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class Broker:
    """Where to publish."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        user: str | None = None,
        password_file: Path | None = None,
        tls: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> "Broker":
        """Read `HOST` or `HOST:PORT`; the password from a file, else from the environment.

        Raises:
            UsageError: no host, a bad port, a password in the address, a file that cannot be read, one without a user.
        """
        try:
            parts = urlsplit(f"//{text.removeprefix('mqtt://')}")
            host, port = parts.hostname, (TLS_PORT if tls else PORT) if parts.port is None else parts.port
            (host or "").encode("idna")  # refuses an empty or overlong part, as in a..b
        except ValueError:
            host, port = None, 0
        if "@" in text:
            raise UsageError(f"--mqtt takes HOST[:PORT] alone; give --mqtt-user, and the password in {VARIABLE}")
        if not host or port == 0 or parts.path or parts.query:
            raise UsageError(f"--mqtt {text!r} is not HOST or HOST:PORT, such as homeassistant.local:1883")
        password = environ.get(VARIABLE) if password_file is None else _read_password(password_file)
        if password_file is not None and user is None:
            raise UsageError(f"--mqtt-password-file {password_file} needs --mqtt-user beside it")
        return cls(host, port, user, password if user is not None else None, tls)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _read_password(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # editors of Windows begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"--mqtt-password-file {path} cannot be read: {reason}") from error
    if not lines or not lines[0]:
        raise UsageError(f"--mqtt-password-file {path} has no password on its first line")
    return lines[0]
