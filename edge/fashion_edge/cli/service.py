"""Running for months: the systemd unit, and telling systemd that we are ready and alive.

The protocol is sd_notify(3): datagrams of KEY=VALUE to the socket that $NOTIFY_SOCKET names.
"""

import getpass
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_edge.cli.common import CONTROL
from fashion_edge.cli.run import find_address, find_origins
from fashion_edge.errors import UsageError
from fashion_edge.loading import default_profile
from fashion_edge.sinks.mqtt import VARIABLE as PASSWORD
from fashion_edge.sources.stream import redact
from fashion_edge.web.auth import TOKEN_VARIABLE as TOKEN
from fashion_edge.web.auth import AccessPolicy

if TYPE_CHECKING:
    from fashion_edge.cli.request import Request


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
    if address is not None and AccessPolicy(address, environ, origins=find_origins(request)).generated:
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
        command=" ".join(_escape_service(part) for part in command),
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
    from fashion_edge.cli.request import check_destinations, choose_options
    from fashion_edge.cli.run import find_address, find_broker
    from fashion_edge.defaults import find_bundle
    from fashion_edge.loading import choose_variant
    from fashion_edge.sources.factory import check_camera_settings, may_connect_later, open_source
    from fashion_edge.sources.picamera import parse_awb

    _here()
    request.check()
    request.options(LiveDefaults())
    check_camera_settings(request.source_text(), request.camera_settings())
    parse_awb(request.awb)
    bundle = load_bundle(find_bundle(request.bundle))
    if not may_connect_later(request.source_text()):
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


def _escape_service(part: str) -> str:
    """For ExecStart: systemd.service(5), command lines."""
    part = part.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return part if PLAIN.fullmatch(part) else f'"{part}"'


def _quote(part: str) -> str:
    from shlex import quote

    return quote(part)
