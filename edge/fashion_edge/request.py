"""What was asked on the command line, and what that comes to once bundle and source are known."""

import math
from dataclasses import dataclass
from pathlib import Path

from fashion_edge.bundle import LiveDefaults
from fashion_edge.errors import UsageError
from fashion_edge.pipeline import Options
from fashion_edge.roi import Roi
from fashion_edge.sources.base import FROZEN_S, Wish, parse_size


@dataclass(frozen=True)
class Request:
    """The flags of `fashion-edge`; None where one was not given."""

    source: str | None = None
    camera: int | None = None
    size: str | None = None
    fps: float | None = None
    awb: str | None = None
    frozen: float = FROZEN_S
    every_frame: bool = False
    frames: int | None = None
    seconds: float | None = None
    bundle: Path | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    roi: str | None = None
    smooth: float | None = None
    hysteresis: float | None = None
    dwell: float | None = None
    max_age_ms: float | None = None
    headless: bool = False
    jsonl: str | None = None
    events: str | None = None
    jsonl_limit: float | None = None
    record: Path | None = None
    save: Path | None = None
    overwrite: bool = False
    append: bool = False
    serve: str | None = None
    serve_origin: tuple[str, ...] = ()
    mqtt: str | None = None
    mqtt_name: str | None = None
    mqtt_user: str | None = None
    mqtt_password_file: Path | None = None
    mqtt_tls: bool = False
    capture: Path | None = None
    capture_margin: float = 0.15
    capture_limit: float = 200.0
    record_raw: Path | None = None
    raw_limit: float = 1000.0
    profile: Path | None = None
    diff: Path | None = None
    diff_limit: float = 0.0
    print_colour_card: Path | None = None
    colour_card: bool = False
    install_service: bool = False

    def source_text(self) -> str:
        """The one source that was named; the demo where none was."""
        if self.source is not None and self.camera is not None:
            raise UsageError(f"--source and --camera {self.camera} were both given; name one")
        return str(self.camera) if self.camera is not None else (self.source or "demo")

    def check(self) -> None:
        """Refuse numbers that are none, and flags that contradict each other.

        Raises:
            UsageError: names the flag.
        """
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"--{name.replace('_', '-')} {value} is no finite number; give one such as 10 or 0.5")
        if self.jsonl_limit is not None and {self.jsonl, self.events} <= {"-", None}:
            raise UsageError(
                f"--jsonl-limit {self.jsonl_limit:g} is for files, and standard output is none; "
                "give --jsonl or --events a file, or leave it out"
            )
        if self.append and self.overwrite:
            raise UsageError("--append and --overwrite were both given; files are either kept or replaced, name one")
        for flag, value in (("--runtime", self.runtime), ("--precision", self.precision)):
            if self.profile is not None and value is not None:
                raise UsageError(
                    f"--profile {self.profile} and {flag} {value} both say which variant runs; leave one of them out"
                )

    def wish(self) -> Wish:
        """What is asked of a camera."""
        return Wish(parse_size(self.size) if self.size else None, self.fps, self.awb, self.frozen)

    def options(self, defaults: LiveDefaults, roi: str = "auto") -> Options:
        """How frames are looked at: by the flags, else by these defaults of a bundle or a recording."""

        def pick(flag: float | None, default: float) -> float:
            return default if flag is None else flag

        return Options(
            Roi.parse(self.roi or roi),
            smooth_s=pick(self.smooth, defaults.smooth_s),
            hysteresis=pick(self.hysteresis, defaults.hysteresis),
            dwell_s=pick(self.dwell, defaults.dwell_s),
            max_age_s=self.max_age_ms / 1e3 if self.max_age_ms is not None else None,
            frames=self.frames,
            seconds=self.seconds,
        )
