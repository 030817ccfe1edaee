"""The click command `fashion-edge`."""

import click

from fashion_edge.cli.common import EXIT_STATUSES, GroupedCommand, add_flags, given_flags, given_options, version_flag
from fashion_edge.cli.request import Request
from fashion_edge.errors import UsageError

COMPANIONS = {  # options that need one of these
    "jsonl_limit": ("jsonl", "events"),
    "append": ("jsonl", "events"),
    "overwrite": ("jsonl", "events", "record", "record_raw", "print_colour_card"),
    "serve_origin": ("serve",),
    "mqtt_name": ("mqtt",),
    "mqtt_user": ("mqtt",),
    "mqtt_password_file": ("mqtt",),
    "mqtt_tls": ("mqtt",),
    "capture_margin": ("capture",),
    "capture_limit": ("capture",),
    "raw_limit": ("record_raw",),
    "diff_limit": ("diff",),
    "colour_card": ("camera", "source"),  # the demo has none to show
}
DECISION = ("roi", "smooth", "hysteresis", "dwell", "max_age_ms")
MODES = {  # options that replace the run, and which options of a run they do not use, besides its outputs
    "diff": ("max_age_ms",),
    "colour_card": DECISION,
    "print_colour_card": ("source", "camera", *DECISION),
}
OUTPUTS = ("jsonl", "events", "record", "save", "serve", "mqtt", "capture", "record_raw", "install_service")


def refuse_unused(ctx: click.Context) -> None:
    """Refuse options without an effect on this command line."""
    given = {option.name or "" for option in given_options(ctx)}
    for name, companions in COMPANIONS.items():
        if name in given and not given.intersection(companions):
            needed = " or ".join(map(_as_flag, companions))
            raise UsageError(f"{_as_flag(name)} does nothing without {needed}; add one, or leave it out")
    for mode in given.intersection(MODES):
        if idle := sorted(given.intersection((*OUTPUTS, *MODES, *MODES[mode])) - {mode}):
            raise UsageError(f"{_as_flag(mode)} runs alone, {_as_flag(idle[0])} would do nothing; leave one out")


def _as_flag(name: str) -> str:
    return "--" + name.replace("_", "-")


EXAMPLES = (
    """\b
Examples:
  fashion-edge                                     rendered garments
  fashion-edge --camera 0                          USB camera, in a window
  fashion-edge --source picamera --headless        Raspberry Pi camera
  fashion-edge --source photos/ --jsonl out.jsonl  every photo in a folder
  fashion-edge --source clip.mp4 --record out.mp4  annotated copy of a video

"""
    + EXIT_STATUSES
)


@click.command(
    name="fashion-edge",
    cls=GroupedCommand,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@add_flags(Request)
@version_flag
def command(**flags: object) -> int:
    """Label clothes in live video or photos: colour and garment at once."""
    from fashion_edge.cli.run import run_request

    context = click.get_current_context()
    refuse_unused(context)
    request = Request(**flags)  # type: ignore[arg-type]  # click has checked each value
    if request.install_service:
        from fashion_edge.cli.service import print_service

        print_service(request, given_flags(context, ("install_service", "debug")))
        return 0
    return run_request(request)
