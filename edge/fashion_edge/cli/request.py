"""The options of `fashion-edge`, each declared once as a field of `Request`."""

# ruff: noqa: RUF009  # `flag` returns a dataclass field
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashion_edge.cli.common import DIR, FILE, MEGABYTES, SECONDS, TEXT, Number, flag
from fashion_edge.defaults import FROZEN_S, PRECISIONS, RUNTIMES, SOURCE_VARIABLE
from fashion_edge.errors import SourceError, UsageError

if TYPE_CHECKING:
    from fashion_edge.bundle import Bundle
    from fashion_edge.decide import Smoothing
    from fashion_edge.loading import Model
    from fashion_edge.pipeline import Options
    from fashion_edge.sources.base import CameraSettings, Source

COUNT = click.IntRange(1)
SMOOTH = Number(0, 60, unit="SECONDS")


@dataclass(frozen=True)
class Request:
    """The options of `fashion-edge`; None where one was not given."""

    source: str | None = flag(
        TEXT,
        "Image, folder, video, URL, camera, picamera, demo or replay:DIR [$FASHION_EDGE_SOURCE, else demo].",
        title="Source",
    )
    camera: int | None = flag(click.IntRange(0), "Short for --source N: /dev/videoN.", metavar="N")
    size: str | None = flag(TEXT, "Frame size of a camera [640x480].", metavar="WxH")
    fps: float | None = flag(Number(0.5, 1000), "Frame rate of a camera [30].")
    awb: str | None = flag(
        TEXT, "White balance of picamera: lock, auto, daylight ... or RED,BLUE gains [lock].", metavar="MODE"
    )
    frozen: float = flag(
        Number(0, 3600, unit="SECONDS"),
        "Frozen-feed detection: the same picture for so long counts as a lost camera; 0 turns it off.",
        FROZEN_S,
    )
    every_frame: bool = flag(bool, "Drop no frame, however old labels get.")
    frames: int | None = flag(COUNT, "Stop after N labelled frames.", metavar="N")
    seconds: float | None = flag(SECONDS, "Stop after this time.")

    bundle: Path | None = flag(DIR, "Bundle folder, or shipped [newest in ./bundles, else shipped].", title="Model")
    runtime: str | None = flag(click.Choice(RUNTIMES), "Inference runtime [the bundle's first variant].")
    precision: str | None = flag(click.Choice(PRECISIONS), "Precision of the variant [the bundle's first].")
    threads: int | None = flag(click.IntRange(1, 64), "Threads for inference [1].", metavar="N")
    profile: Path | None = flag(FILE, "Device profile by fashion-bench --choose [the one in ~/.config].")

    roi: str | None = flag(
        TEXT,
        "Region of interest: auto, full, guide, or LEFT,TOP,WIDTH,HEIGHT in fractions [auto].",
        metavar="BOX",
        title="Decision",
    )
    smooth: float | None = flag(SMOOTH, "Time constant of the moving average [the bundle's].")
    hysteresis: float | None = flag(Number(0, 1), "How far a shown label may fall below its threshold [the bundle's].")
    dwell: float | None = flag(SMOOTH, "Minimum time that a label is shown [the bundle's].")
    max_age_ms: float | None = flag(Number(0, unit="MS", above=True), "Discard frames whose label would be older.")

    headless: bool = flag(bool, "Open no window.", title="Output")
    jsonl: str | None = flag(TEXT, "One JSON object a frame to a file, or - for standard output.", metavar="FILE")
    events: str | None = flag(TEXT, "As --jsonl, but changes only: decisions, losses, failures.", metavar="FILE")
    jsonl_limit: float | None = flag(
        MEGABYTES, "Log rotation: larger files of --jsonl and --events are renamed to FILE.1. Default: never."
    )
    record: Path | None = flag(FILE, "Annotated video.", metavar="FILE.mp4")
    save: Path | None = flag(DIR, "Annotated stills: each photo, or each change of a live source.")
    overwrite: bool = flag(bool, "Replace files that exist; pictures of --save get a number instead.")
    append: bool = flag(bool, "Append to files of --jsonl and --events that exist.")

    serve: str | None = flag(
        TEXT,
        "Live page, JSON, events and /metrics; from other machines with a token.",
        metavar="[HOST:]PORT",
        title="Network",
    )
    serve_origin: tuple[str, ...] = flag(
        TEXT,
        "Address of the page behind a reverse proxy, such as https://shop.example; may be repeated.",
        (),
        multiple=True,
        metavar="URL",
    )
    mqtt: str | None = flag(TEXT, "Publish decisions to an MQTT broker, for Home Assistant.", metavar="HOST[:PORT]")
    mqtt_name: str | None = flag(
        TEXT, "Name of this device in topics and in Home Assistant [its host name].", metavar="NAME"
    )
    mqtt_user: str | None = flag(
        TEXT, "User of the broker; the password is in FASHION_EDGE_MQTT_PASSWORD.", metavar="USER"
    )
    mqtt_password_file: Path | None = flag(FILE, "File with the password of the broker on one line.")
    mqtt_tls: bool = flag(bool, "Encrypt, and check the broker's certificate.")

    capture: Path | None = flag(
        DIR, "Keep frames with a score near a threshold, as hard examples for training.", title="Data collection"
    )
    capture_margin: float = flag(Number(0, 1), "How near to a threshold.", 0.15)
    capture_limit: float = flag(MEGABYTES, "Beyond this the oldest frames are deleted.", 200.0)
    record_raw: Path | None = flag(DIR, "Keep raw frames and decisions, for replay:DIR.")
    raw_limit: float = flag(MEGABYTES, "The recording of raw frames ends at this size.", 1000.0)

    diff: Path | None = flag(
        DIR, "Compare the decisions of another bundle on the same frames.", metavar="BUNDLE", title="Tools"
    )
    diff_limit: float = flag(Number(0, 100, unit="PERCENT"), "Share of frames that may differ.", 0.0)
    print_colour_card: Path | None = flag(FILE, "Write the colour card to print.", metavar="FILE.png")
    colour_card: bool = flag(bool, "Check the camera's colours on a printed colour card.")
    install_service: bool = flag(bool, "Print a systemd unit that runs this command line.")
    debug: bool = flag(bool, "Show tracebacks.")

    def source_text(self) -> str:
        """Return the source: from the environment where none was given, else `demo`."""
        if self.source is not None and self.camera is not None:
            raise UsageError(f"--source and --camera {self.camera} were both given; name one")
        if self.camera is not None:
            return str(self.camera)
        return self.source or str(TEXT.convert(os.environ.get(SOURCE_VARIABLE) or "demo", None, None))

    def check(self) -> None:
        """Refuse flags that contradict each other."""
        if self.jsonl_limit is not None and {self.jsonl, self.events} <= {"-", None}:
            raise UsageError(
                f"--jsonl-limit {self.jsonl_limit:g} is for files, not for standard output; "
                "give --jsonl or --events a file, or leave it out"
            )
        if self.append and self.overwrite:
            raise UsageError("--append and --overwrite were both given; files are either kept or replaced, name one")
        for name, value in (("--runtime", self.runtime), ("--precision", self.precision)):
            if self.profile is not None and value is not None:
                raise UsageError(
                    f"--profile {self.profile} and {name} {value} both say which variant runs; leave one of them out"
                )

    def camera_settings(self) -> "CameraSettings":
        """Return the settings of a camera."""
        from fashion_edge.sources.base import CameraSettings, parse_size

        return CameraSettings(parse_size(self.size) if self.size else None, self.fps, self.awb, self.frozen)

    def options(self, defaults: "Smoothing | None" = None, roi: str = "auto") -> "Options":
        """Return how frames are classified: by the flags, else by these defaults of a bundle or a recording."""
        from fashion_edge.decide import Smoothing
        from fashion_edge.frame import Roi
        from fashion_edge.pipeline import Options

        flags = {"smooth_s": self.smooth, "hysteresis": self.hysteresis, "dwell_s": self.dwell}
        return Options(
            Roi.parse(self.roi or roi),
            replace(defaults or Smoothing(), **{name: value for name, value in flags.items() if value is not None}),
            max_age_s=self.max_age_ms / 1e3 if self.max_age_ms is not None else None,
            frames=self.frames,
            seconds=self.seconds,
        )

    def open_model(self) -> "Model":
        """Load the model."""
        from fashion_edge.loading import open_model

        return open_model(
            self.bundle, runtime=self.runtime, precision=self.precision, threads=self.threads, profile=self.profile
        )


def choose_options(request: Request, bundle: "Bundle", source: "Source") -> "Options":
    """Take the flags; without them the settings of the recording that is replayed, or the defaults of the bundle."""
    _refuse_unused(request, source)
    if source.recording is None:
        return request.options(bundle.manifest.live)
    recorded = source.recording.header
    try:
        return request.options(recorded.live, recorded.roi)
    except UsageError as error:  # the flags were checked before
        file = source.recording.folder / "recording.json"
        raise SourceError(f"{file} has the invalid roi {recorded.roi!r:.60}; give one with --roi") from error


def _refuse_unused(request: Request, source: "Source") -> None:
    """Refuse flags that would have no effect; 0 is accepted, since it turns off what is off anyway."""
    if request.max_age_ms is not None and source.prefetch:
        raise UsageError(
            f"--max-age-ms {request.max_age_ms:g} is for live frames, and {source.name} has none; leave it out"
        )
    over_time = {"--smooth": request.smooth, "--hysteresis": request.hysteresis, "--dwell": request.dwell}
    for name, value in over_time.items():
        if value and source.still:
            raise UsageError(
                f"{name} {value:g} is for frames that follow each other, and {source.name} has stills; leave it out"
            )
