"""The command: run every check, print findings as text or as JSON."""

from collections.abc import Sequence
from contextlib import closing

import click
import msgspec

from fashion_edge.cli.common import GroupedCommand, group, run_command, version_flag
from fashion_edge.doctor.machine import Check, Finding, Machine
from fashion_edge.errors import printable
from fashion_edge.isolated import IsolatedProcess, describe_error
from fashion_edge.typed_json import encode_json

STATES = {"ok": "ok  ", "note": "note", "bad": "BAD "}
EXAMPLE = "\b\nExample:\n  fashion-doctor --json > findings.json\n\n"
STATUSES = "\b\nExit status:\n  0  no finding is bad\n  1  a finding is bad\n  2  usage error\n  130  interrupted"


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the output; imported late, since some import NumPy."""
    from fashion_edge.doctor import hardware, software

    return (
        software.check_python, software.check_numpy, software.check_runtimes, software.check_opencv,
        software.check_display, hardware.check_cameras, hardware.check_libcamera, hardware.check_power,
        hardware.check_governor, software.check_bundle, software.check_colours,
    )  # fmt: skip


@click.command(
    cls=GroupedCommand,
    name="fashion-doctor",
    epilog=EXAMPLE + STATUSES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@group("Output", click.option("--json", "as_json", is_flag=True, help="Print findings as JSON."))
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@version_flag
def command(*, as_json: bool, debug: bool) -> int:
    """Find what keeps fashion-edge from working on this machine, and print the command that fixes it."""
    with closing(IsolatedProcess()) as process:
        machine = Machine(isolated=process.run, load=process.load)
        findings = examine(machine, all_checks(), debug=debug)
    if as_json:
        click.echo(encode_json(findings, indent=2).decode())
    else:
        for finding in findings:
            click.echo(printable(f"{STATES[finding.state]}  {finding.subject:<12} {finding.text}"))
            if finding.fix:
                click.echo(printable(f"      {'':<12} fix: {finding.fix}"))
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def examine(machine: Machine, checks: Sequence[Check], *, debug: bool = False) -> list[Finding]:
    """Run the checks; one that raises is a finding, too, since this command is for broken machines."""
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check(machine)
        except Exception as error:
            if debug:
                raise
            reason = f"{check.__name__} failed: {describe_error(error)}"
            findings.append(Finding("doctor", "bad", reason, "fashion-doctor --debug  # and report it"))
    return [msgspec.structs.replace(one, fix=machine.with_paths(one.fix)) if one.fix else one for one in findings]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-doctor` and return its exit status."""
    return run_command(command, argv)
