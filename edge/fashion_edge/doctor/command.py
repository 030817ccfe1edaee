"""The command: every check in turn, for a person or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import click

from fashion_edge.cli.common import run_command, version_flag
from fashion_edge.doctor.isolated import Aside
from fashion_edge.doctor.machine import REASON, Check, Finding, Machine, check_governor, check_power, load_after
from fashion_edge.errors import brief


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order in which their findings are shown; loaded late, since they import NumPy."""
    from fashion_edge.doctor.cameras import check_cameras, check_libcamera
    from fashion_edge.doctor.installation import check_display, check_numpy, check_opencv, check_python, check_runtimes
    from fashion_edge.doctor.models import check_bundle, check_colours

    return (
        check_python,
        check_numpy,
        check_runtimes,
        check_opencv,
        check_display,
        check_cameras,
        check_libcamera,
        check_power,
        check_governor,
        check_bundle,
        check_colours,
    )


MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@click.command(
    name="fashion-doctor",
    epilog="\b\nExample:\n  fashion-doctor --json > findings.json\n\nExit status: 0 nothing is bad, 1 something is.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON on standard output.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@version_flag
def command(*, as_json: bool, debug: bool) -> int:
    """Look at this machine and say what would keep fashion-edge from working, with the command that mends it."""
    with Aside() as aside:
        machine = Machine(attempt=aside.ask, load=load_after(aside.ask))
        findings = examine(machine, all_checks(), debug=debug)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.state]}  {finding.subject:<12} {finding.text}")
            if finding.mend:
                click.echo(f"      {'':<12} mend: {finding.mend}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def examine(machine: Machine, checks: Sequence[Check], *, debug: bool = False) -> list[Finding]:
    """Every finding; a check that fails is a finding too, since a broken machine is what it is for."""
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check(machine)
        except Exception as error:
            if debug:
                raise
            reason = f"{check.__name__} failed: {type(error).__name__}: {brief(error, REASON)}"
            findings.append(Finding("doctor", "bad", reason, "fashion-doctor --debug  # and report it"))
    return [replace(one, mend=machine.spell_out(one.mend)) if one.mend else one for one in findings]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-doctor` and return its exit status."""
    return run_command(command, argv)
