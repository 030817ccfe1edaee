"""Running for months: the systemd unit, and telling systemd that we are ready and alive.

The protocol is sd_notify(3): datagrams of KEY=VALUE to the socket that $NOTIFY_SOCKET names.
"""

import getpass
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_edge.errors import UsageError
from fashion_edge.params import CONTROL

if TYPE_CHECKING:
    from fashion_edge.environment import Environment
    from fashion_edge.request import Request

PLAIN = re.compile(r"[\w@+=:,./-]+")
NO_PROGRAM = re.compile(r"""["'\\$]""")  # systemd starts none with these in its path, however they are quoted
WATCHDOG_S = 30
UNIT = """\
{secrets}# Install it with the same command line:
#   {again} | sudo tee /etc/systemd/system/fashion-edge.service
#   sudo systemctl daemon-reload && sudo systemctl enable --now fashion-edge
# Follow it with: journalctl -u fashion-edge -f
[Unit]
Description=fashion-edge: colour and garment on a live picture
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
{environment}ExecStart={command}
WorkingDirectory={folder}
User={user}
SupplementaryGroups=video
Restart=on-failure
RestartSec=5
SuccessExitStatus=130
WatchdogSec={watchdog}
TimeoutStopSec=15
MemoryMax=512M
Nice=5
NoNewPrivileges=true
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
"""


def make_unit(
    args: Sequence[str],
    folder: Path | None = None,
    user: str | None = None,
    environment: "Environment | None" = None,
) -> str:
    """The unit that runs `fashion-edge` with these arguments, from this folder, as this user, in this environment.

    Raises:
        UsageError: one of them holds a line break, behind which a line of its own would stand in the unit, or
            systemd would not take the folder or the program for what it is.
    """
    args = [*args] if "--headless" in args else [*args, "--headless"]
    if {"--jsonl", "--events"}.intersection(args) and "--append" not in args:
        args.append("--append")  # a service starts again and again, and each time the file is there
    command, place, user = [*_program(), *args], str(folder or _here()), user or _user()
    _refuse_breaks("the folder", place)
    _refuse_breaks("the user", user)
    if place.endswith((" ", "\\")):  # cut away, and joined to the next line
        raise UsageError(f"the folder {place!r} ends with a blank or a backslash, which no unit may; rename it")
    if NO_PROGRAM.search(command[0]):
        raise UsageError(
            f"{command[0]} is no path that systemd starts a program from; make the environment anew in a folder "
            "without quotes, backslashes and dollar signs in its name"
        )
    for name, value in environment.settings if environment else ():
        _refuse_breaks(name, value)
    for part in command:
        _refuse_breaks("the argument", part)
    return UNIT.format(
        secrets=environment.comments() if environment else "",
        environment=environment.directives() if environment else "",
        again=" ".join(["fashion-edge", *map(_quote, args), "--install-service"]),
        command=" ".join(_escape(part) for part in command),
        folder=place.replace("%", "%%"),
        user=user,
        watchdog=WATCHDOG_S,
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the folder that you are in was removed, and the service would start there; cd to one that is there"
        ) from None


def check_service(request: "Request") -> None:
    """Refuse what could not start, or could not start a second time, before systemd tries it every five seconds.

    Raises:
        FashionError: names the flag.
    """
    from fashion_edge.bundle import LiveDefaults, load_bundle
    from fashion_edge.choice import choose_variant
    from fashion_edge.destinations import check_destinations
    from fashion_edge.keep import choose_options
    from fashion_edge.locate import find_bundle
    from fashion_edge.network import find_address, find_broker
    from fashion_edge.sources.choose import check_wish, may_come_later, open_source
    from fashion_edge.sources.picamera import parse_awb

    _here()
    request.check()
    request.options(LiveDefaults())
    check_wish(request.source_text(), request.wish())
    parse_awb(request.awb)
    bundle = load_bundle(find_bundle(request.bundle))
    if not may_come_later(request.source_text()):
        choose_options(request, bundle, open_source(request.source_text()))  # can be read, and asked this
    for flag, once in (("--record", request.record), ("--record-raw", request.record_raw)):
        if once is not None:
            raise UsageError(
                f"{flag} {once} would be there already when the service starts again; use --save or --capture"
            )
    if request.overwrite:
        raise UsageError("--overwrite would empty the files at every start of the service; leave it out, it appends")
    check_destinations(replace(request, append=True))
    find_address(request)
    find_broker(request)
    choose_variant(request, bundle)


def _user() -> str:
    """Who runs this; the number where the number has no name, which systemd takes as well."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return str(os.getuid())


class Notifier:
    """Sends to systemd; does nothing where nobody listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket: socket.socket | None = None
        if name.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.watchdog_s = _watchdog(environ)

    @property
    def listens(self) -> bool:
        """Whether a service manager waits for us."""
        return self._socket is not None

    def send(self, **values: str | int) -> None:
        """Send `KEY=VALUE` lines; a manager that went away is no reason to stop."""
        if self._socket is None:
            return
        text = "\n".join(f"{key}={' '.join(str(value).split())}" for key, value in values.items())
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """Seconds within which systemd wants to hear from us; None where it does not."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6


def _program() -> list[str]:
    """How to start us by an absolute path: the script beside this interpreter."""
    script = Path(sys.executable).with_name("fashion-edge")
    found = str(script) if script.is_file() else shutil.which("fashion-edge")
    return [found] if found else [sys.executable, "-c", "from fashion_edge.cli import main; raise SystemExit(main())"]


def _refuse_breaks(what: str, text: str) -> None:
    if CONTROL.search(text):
        raise UsageError(
            f"{what} {text!r} holds a line break or another control character, which no unit may; rename it"
        )


def _escape(part: str) -> str:
    """For ExecStart: systemd.service(5), command lines."""
    part = part.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return part if PLAIN.fullmatch(part) else f'"{part}"'


def _quote(part: str) -> str:
    from shlex import quote

    return quote(part)
