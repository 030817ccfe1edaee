"""The click command of `fashion-edge`."""

from collections.abc import Callable, Container
from typing import Any

import click
from click.core import ParameterSource

from fashion_edge.cli.common import DIR, FILE, MEGABYTES, SECONDS, TEXT, GroupedCommand, Number, group, version_flag
from fashion_edge.defaults import PRECISIONS, RUNTIMES
from fashion_edge.errors import UsageError

COUNT = click.IntRange(1)
Decorator = Callable[[Any], Any]
option = click.option

SOURCE = (
    option("--source", type=TEXT, help="Image, folder, video, URL, camera, picamera, demo or replay:DIR [demo]."),
    option("--camera", type=click.IntRange(0), metavar="N", help="Short for --source N: /dev/videoN."),
    option("--size", type=TEXT, metavar="WxH", help="Frame size asked of a camera [640x480]."),
    option("--fps", type=Number(0.5, 1000), help="Frames a second asked of a camera [30]."),
    option(
        "--awb",
        type=TEXT,
        metavar="MODE",
        help="White balance of picamera: lock, auto, daylight ... or RED,BLUE gains [lock].",
    ),
    option(
        "--frozen",
        type=Number(0, 3600, unit="SECONDS"),
        default=5.0,
        show_default=True,
        help="The same picture for S seconds is a lost camera; 0 never.",
    ),
    option("--every-frame", is_flag=True, help="Drop no frame, however old labels get."),
    option("--frames", type=COUNT, metavar="N", help="Stop after N labelled frames."),
    option("--seconds", type=SECONDS, help="Stop after S seconds."),
)
MODEL = (
    option("--bundle", type=DIR, help="Bundle folder, or shipped [newest in ./bundles, else shipped]."),
    option("--runtime", type=click.Choice(RUNTIMES), help="Inference runtime [the bundle's first variant]."),
    option("--precision", type=click.Choice(PRECISIONS), help="Precision of the variant [the bundle's first]."),
    option("--threads", type=click.IntRange(1, 64), metavar="N", help="Threads for inference [1]."),
    option("--profile", type=FILE, help="Device profile by fashion-bench --choose [the one in ~/.config]."),
)
DECISION = (
    option("--roi", type=TEXT, metavar="BOX", help="auto, full, guide, or LEFT,TOP,WIDTH,HEIGHT in fractions [auto]."),
    option("--smooth", type=Number(0, 60, unit="SECONDS"), help="Smoothing time constant [the bundle's]."),
    option(
        "--hysteresis",
        type=Number(0, 1),
        help="Score by which a shown label may fall [the bundle's].",
    ),
    option(
        "--dwell",
        type=Number(0, 60, unit="SECONDS"),
        help="Seconds that a label is shown at least [the bundle's].",
    ),
    option("--max-age-ms", type=Number(0, unit="MS", above=True), help="Discard frames whose label would be older."),
)
OUTPUT = (
    option("--headless", is_flag=True, help="Open no window."),
    option("--jsonl", type=TEXT, metavar="FILE", help="One JSON object a frame to a file, or - for standard output."),
    option("--events", type=TEXT, metavar="FILE", help="As --jsonl, but changes only: decisions, losses, failures."),
    option(
        "--jsonl-limit",
        type=MEGABYTES,
        help="Files of --jsonl and --events start anew beyond this; the one before stays as FILE.1. Default: never.",
    ),
    option("--record", type=FILE, metavar="FILE.mp4", help="Annotated video."),
    option("--save", type=DIR, help="Annotated stills: each photo, or each change of a live source."),
    option("--overwrite", is_flag=True, help="Replace files that exist; pictures of --save get a number instead."),
    option("--append", is_flag=True, help="Go on at the end of files of --jsonl and --events that exist."),
)
NETWORK = (
    option(
        "--serve",
        type=TEXT,
        metavar="[HOST:]PORT",
        help="Live page, JSON, events and /metrics; beyond this machine by token.",
    ),
    option(
        "--serve-origin",
        type=TEXT,
        multiple=True,
        metavar="URL",
        help="Where a reverse proxy shows the page, such as https://shop.example; may be repeated.",
    ),
    option(
        "--mqtt", type=TEXT, metavar="HOST[:PORT]", help="Publish decisions to an MQTT broker, found by Home Assistant."
    ),
    option(
        "--mqtt-name", type=TEXT, metavar="NAME", help="Of this device in topics and in Home Assistant [its host name]."
    ),
    option(
        "--mqtt-user",
        type=TEXT,
        metavar="USER",
        help="User of the broker; the password is in FASHION_EDGE_MQTT_PASSWORD.",
    ),
    option("--mqtt-password-file", type=FILE, help="The password of the broker, on one line."),
    option("--mqtt-tls", is_flag=True, help="Encrypt, and check the broker's certificate."),
)
KEEP = (
    option("--capture", type=DIR, help="Keep frames whose score is near a threshold, for retraining."),
    option(
        "--capture-margin",
        type=Number(0, 1),
        default=0.15,
        show_default=True,
        help="How near to a threshold.",
    ),
    option(
        "--capture-limit",
        type=MEGABYTES,
        default=200.0,
        show_default=True,
        help="Oldest captures go beyond this.",
    ),
    option("--record-raw", type=DIR, help="Keep raw frames and decisions, for replay:DIR."),
    option(
        "--raw-limit",
        type=MEGABYTES,
        default=1000.0,
        show_default=True,
        help="Recording of raw frames stops at this.",
    ),
)
TOOLS = (
    option("--diff", type=DIR, metavar="BUNDLE", help="Compare the decisions of another bundle on the same frames."),
    option(
        "--diff-limit",
        type=Number(0, 100, unit="PERCENT"),
        default=0.0,
        show_default=True,
        help="Share of frames that may differ.",
    ),
    option("--print-colour-card", type=FILE, metavar="FILE.png", help="Write the colour card to print."),
    option("--colour-card", is_flag=True, help="Look at a printed colour card and judge the camera's colours."),
    option("--install-service", is_flag=True, help="Print a systemd unit that runs this command line."),
    option("--debug", is_flag=True, help="Show tracebacks."),
)
GROUPS: dict[str, tuple[Decorator, ...]] = {
    "Source": SOURCE,
    "Model": MODEL,
    "Decision": DECISION,
    "Output": OUTPUT,
    "Network": NETWORK,
    "Frames to keep": KEEP,
    "Tools": TOOLS,
}


COMPANIONS = {  # flags that say something of others, one of which must be there
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
DECIDING = ("roi", "smooth", "hysteresis", "dwell", "max_age_ms")
MODES = {  # they replace the run, and so its outputs; and which flags of a run they have no use for besides
    "diff": ("max_age_ms",),
    "colour_card": DECIDING,
    "print_colour_card": ("source", "camera", *DECIDING),
}
MADE_BY_A_RUN = ("jsonl", "events", "record", "save", "serve", "mqtt", "capture", "record_raw", "install_service")


def refuse_idle(ctx: click.Context) -> None:
    """Refuse flags that would do nothing on this command line.

    Raises:
        UsageError: names the flag, and what it needs or what it does not go with.
    """
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for name, companions in COMPANIONS.items():
        if name in given and not given.intersection(companions):
            needed = " or ".join(map(_as_flag, companions))
            raise UsageError(f"{_as_flag(name)} does nothing without {needed}; add one, or leave it out")
    for mode in given.intersection(MODES):
        if idle := sorted(given.intersection((*MADE_BY_A_RUN, *MODES, *MODES[mode])) - {mode}):
            raise UsageError(f"{_as_flag(mode)} runs alone, {_as_flag(idle[0])} would do nothing; leave one out")


def _as_flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def all_flags(function: Any) -> Any:
    """Add every flag to a command's function, under the title of its group."""
    for title, options in reversed(GROUPS.items()):
        function = group(title, *options)(function)
    return function


def given_flags(ctx: click.Context, leave_out: Container[str] = ("install_service", "debug")) -> list[str]:
    """The flags of this command line again, as arguments."""
    args: list[str] = []
    for param in ctx.command.params:
        name = param.name or ""
        if name in leave_out or ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if isinstance(param, click.Option) and param.is_flag:
            args.append(param.opts[0])
        else:
            args += [word for one in (value if param.multiple else [value]) for word in (param.opts[0], str(one))]
    return args


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
    from fashion_edge.cli.request import Request
    from fashion_edge.cli.run import run_request

    context = click.get_current_context()
    refuse_idle(context)
    flags.pop("debug")
    request = Request(**flags)  # type: ignore[arg-type]  # click has checked each value
    if request.install_service:
        from fashion_edge.cli.service import print_service

        print_service(request, given_flags(context))
        return 0
    return run_request(request)
