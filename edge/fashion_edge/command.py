"""The click command of `fashion-edge`."""

import click

from fashion_edge.console import say
from fashion_edge.flags import GroupedCommand, all_flags, given_flags, refuse_idle
from fashion_edge.params import version_flag

EXAMPLES = """\b
Examples:
  fashion-edge --camera 0                          a USB camera, in a window where there is a display
  fashion-edge --source picamera --headless        the Raspberry Pi's own camera
  fashion-edge --source photos/ --jsonl out.jsonl  every picture below a folder
  fashion-edge --source clip.mp4 --record out.mp4  an annotated copy of a video
  fashion-edge --source demo --seconds 10          rendered garments, no camera needed

Exit status: 0 done, 1 some input could not be read, 2 bad usage or bad input, 3 a check said no.
"""


@click.command(
    name="fashion-edge",
    cls=GroupedCommand,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@all_flags
@version_flag
def command(**flags: object) -> int:
    """Label clothes on a live picture: colour and garment at once."""
    from fashion_edge.app import run_request
    from fashion_edge.request import Request

    context = click.get_current_context()
    refuse_idle(context)
    flags.pop("debug")
    request = Request(**flags)  # type: ignore[arg-type]  # click has checked each value
    if request.install_service:
        from fashion_edge.environment import read_environment
        from fashion_edge.service import check_service, make_unit

        check_service(request)
        environment = read_environment(request)
        click.echo(make_unit(given_flags(context), environment=environment).encode(), nl=False)  # whatever the locale
        for note in environment.notes:
            say(note)
        return 0
    return run_request(request)
