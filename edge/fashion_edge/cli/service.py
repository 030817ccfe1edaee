"""`--install-service`: a systemd unit that runs the same command line. It reads secrets from a file."""

import getpass
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from fashion_edge.bundle import load_bundle
from fashion_edge.cli.common import CONTROL
from fashion_edge.cli.outputs import check_destinations, parse_network
from fashion_edge.cli.request import Request, choose_options
from fashion_edge.console import say
from fashion_edge.defaults import SOURCE_VARIABLE as SOURCE
from fashion_edge.defaults import find_bundle
from fashion_edge.errors import UsageError
from fashion_edge.loading import choose_variant
from fashion_edge.redact import redact
from fashion_edge.sinks.mqtt import VARIABLE as PASSWORD
from fashion_edge.sources.factory import check_camera_settings, may_connect_later, open_source
from fashion_edge.sources.picamera import parse_awb
from fashion_edge.web.auth import TOKEN_VARIABLE as TOKEN
from fashion_edge.web.auth import AccessPolicy

SECRETS_FILE = "/etc/fashion-edge.env"
QUOTED = r's/[\\"$`]/\\&/g; s/=/="/; s/$/"/p'  # for sed: a value as EnvironmentFile= of systemd.exec(5) expects it
PLAIN = re.compile(r"[\w@+=:,./-]+")
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
WatchdogSec=30
TimeoutStopSec=15
MemoryMax=512M
Nice=5
NoNewPrivileges=true
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
"""


def print_service(request: Request, args: Sequence[str]) -> None:
    """Print the unit to standard output, and what else to do to standard error."""
    _check_service(request)
    secrets = _find_secrets(request)
    notes = list(_describe_secrets(request, secrets))
    click.echo(make_unit(args, secrets=secrets).encode(), nl=False)  # UTF-8 in any locale
    for note in notes:
        say(note)


def _check_service(request: Request) -> None:
    """Refuse now what systemd would otherwise start, and see fail, every five seconds."""
    source = request.source_text()
    request.check()
    request.options()
    check_camera_settings(source, request.camera_settings())
    parse_awb(request.awb)
    bundle = load_bundle(find_bundle(request.bundle))
    if not may_connect_later(source):
        choose_options(request, bundle, open_source(source))
    for flag, path in (("--record", request.record), ("--record-raw", request.record_raw)):
        if path is not None:
            raise UsageError(f"{flag} {path} would exist already when the service restarts; use --save or --capture")
    if request.overwrite:
        raise UsageError("--overwrite would empty the files at every start of the service; leave it out, it appends")
    check_destinations(replace(request, append=True))
    parse_network(request)
    choose_variant(bundle, request.runtime, request.precision, request.profile)


def _find_secrets(request: Request) -> list[str]:
    """Names of the environment variables with secrets that this run uses."""
    used = {TOKEN: request.serve is not None, PASSWORD: _uses_password(request)}
    used[SOURCE] = request.source is None and request.camera is None
    return [name for name, is_used in used.items() if is_used and os.environ.get(name)]


def secrets_command(secrets: Sequence[str]) -> str:
    """Shell command that writes the secrets into their file; it does not show the values."""
    return f"env | sed -nE '/^({'|'.join(secrets)})=/{{{QUOTED}}}' | sudo install -m 600 /dev/stdin {SECRETS_FILE}"


def _uses_password(request: Request) -> bool:
    return request.mqtt is not None and request.mqtt_user is not None and request.mqtt_password_file is None


def _describe_secrets(request: Request, secrets: Sequence[str]) -> Iterator[str]:
    if request.source and (shown := redact(request.source)) != request.source:
        problem = (
            f"--source {shown} may contain a password, which every user can read in the unit and in the process list"
        )
        yield f"{problem}; export the URL as {SOURCE}, leave --source out, and print the unit again"
    address, origins, _ = parse_network(request)
    if address is not None and AccessPolicy(address, origins=origins).generated:
        effect = "the service makes a new token at each start and prints it to the journal only"
        fix = f"for a permanent one, export {TOKEN}=$(openssl rand -hex 16) and print the unit again"
        yield f"{TOKEN} is not set, so {effect}; {fix}"
    if _uses_password(request) and PASSWORD not in secrets:
        effect = f"the service gives the broker no password for --mqtt-user {request.mqtt_user}"
        fix = "export it, or add --mqtt-password-file FILE, and print the unit again"
        yield f"{PASSWORD} is not set, so {effect}; {fix}"
    if secrets:
        names = f"{' and '.join(secrets)} {'is' if len(secrets) == 1 else 'are'}"
        fix = f"before it starts write {SECRETS_FILE}, which it reads, with: {secrets_command(secrets)}"
        yield f"{names} not in the unit, which every user can read; {fix}"


def make_unit(
    args: Sequence[str], folder: Path | None = None, user: str | None = None, secrets: Sequence[str] = ()
) -> str:
    """Make the unit that runs `fashion-edge` with these arguments, from this folder, as this user."""
    args = [*args] if "--headless" in args else [*args, "--headless"]
    if {"--jsonl", "--events"}.intersection(args) and "--append" not in args:
        args.append("--append")  # the files exist when the service restarts
    program, place, user = _find_program(), str(folder or Path.cwd()), user or getpass.getuser()
    for what, text in (("the folder", place), ("the user", user), *(("the argument", arg) for arg in args)):
        if CONTROL.search(text):  # a line break would start a directive of its own
            raise UsageError(f"{what} {text!r} contains a control character, which no unit may; rename it")
    head = f"# Write {SECRETS_FILE} first, from a shell that has {' and '.join(secrets)} exported:\n"
    return UNIT.format(
        secrets=f"{head}#   {secrets_command(secrets)}\n" if secrets else "",
        environment=f"EnvironmentFile={SECRETS_FILE}\n" if secrets else "",  # the unit does not start without it
        again=" ".join(["fashion-edge", *map(quote, args), "--install-service"]),
        command=" ".join(map(_escape, [*program, *args])),
        folder=place.replace("%", "%%"),
        user=user,
    )


def _find_program() -> list[str]:
    """Start command with an absolute path: the script next to this interpreter."""
    script = Path(sys.executable).with_name("fashion-edge")
    found = str(script) if script.is_file() else shutil.which("fashion-edge")
    return [found] if found else [sys.executable, "-c", "from fashion_edge.cli import main; raise SystemExit(main())"]


def _escape(part: str) -> str:
    """Quote for ExecStart: systemd.service(5), command lines."""
    part = part.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return part if PLAIN.fullmatch(part) else f'"{part}"'
