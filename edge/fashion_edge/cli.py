"""`fashion-edge`: a bundle and a source to live labels."""

from collections.abc import Sequence
from pathlib import Path

import click

from fashion_edge.console import run_command
from fashion_edge.vocabulary import PRECISIONS, RUNTIMES

EXAMPLES = """\b
Examples:
  fashion-edge --camera 0                          a USB camera, in a window where there is a display
  fashion-edge --source photos/ --jsonl out.jsonl  every picture below a folder
  fashion-edge --source clip.mp4 --record out.mp4  an annotated copy of a video
  fashion-edge --source demo --seconds 10          rendered garments, no camera needed

Exit status: 0 done, 1 some input could not be read, 2 bad usage or bad input.
"""


@click.command(name="fashion-edge", epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--source", help="Image, folder, video file, rtsp/http URL, demo, or a camera's index or /dev path.")
@click.option("--camera", type=click.IntRange(0), metavar="N", help="Short for --source N.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Bundle folder [newest in ./bundles, else the shipped one]."
)
@click.option("--runtime", type=click.Choice(RUNTIMES), help="Inference runtime [the bundle's first variant].")
@click.option("--precision", type=click.Choice(PRECISIONS), help="Precision of the variant [the bundle's first].")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for inference.")
@click.option(
    "--roi",
    default="auto",
    show_default=True,
    metavar="BOX",
    help="auto, full, guide, or LEFT,TOP,WIDTH,HEIGHT in fractions.",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0, 60),
    default=0.25,
    show_default=True,
    metavar="S",
    help="Smoothing time constant of a live source.",
)
@click.option("--headless", is_flag=True, help="Open no window.")
@click.option("--jsonl", metavar="FILE", help="One JSON object a frame to a file, or - for standard output.")
@click.option("--record", type=click.Path(path_type=Path), metavar="FILE.mp4", help="Annotated video.")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Annotated stills: each photo, or each change of a live source.",
)
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after N labelled frames.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), metavar="S", help="Stop after S seconds.")
@click.option("--every-frame", is_flag=True, help="Drop no frame, however old labels get.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="fashion-edge", message="%(prog)s %(version)s")
def command(**flags: object) -> int:
    """Label clothes on a live picture: colour and garment at once."""
    from fashion_edge.app import Request, run_request

    flags.pop("debug")
    return run_request(Request(**flags))  # type: ignore[arg-type]  # click has checked each value


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-edge` and return its exit status."""
    return run_command(command, argv)
