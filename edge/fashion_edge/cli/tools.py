"""`--diff` compares two bundles on the same frames; `--colour-card` checks the colours of a camera."""

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import click
import numpy as np

from fashion_edge.cli.request import Request, choose_options
from fashion_edge.cli.signals import ended_by_signals
from fashion_edge.colour_card import Patches, evaluate_card, read_colour_card
from fashion_edge.console import clear_progress, pluralize, printable, say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.loading import Model
from fashion_edge.pipeline import Labeller
from fashion_edge.readers import NewestFrameReader
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.text import make_progress_sink
from fashion_edge.sources import Source, open_source

NOT_FOUND, CHECK_FAILED = 1, 3  # exit statuses
CARD_S = 8.0  # longest search for the card
MAX_READINGS = 60


def compare_bundles(request: Request) -> int:
    """Label every frame with both bundles; prints where the pair of labels changes, returns the exit status."""
    model = request.open_model()
    variant = model.variant
    other = replace(request, bundle=request.diff, runtime=variant.runtime, precision=variant.precision).open_model()
    _refuse_same(model, other)
    source = open_source(request.source_text(), every_frame=True, camera=request.camera_settings())
    labellers, names = list[Labeller](), list[str]()
    for one in (model, other):
        options = choose_options(request, one.bundle, source)
        labellers.append(Labeller(one.bundle.manifest, one.backend, options, still=source.still))
        names.append(f"{one.bundle.path.name}/{one.variant.file}")
    say(f"{' against '.join(names)} on {source.name}")
    same_labels = model.bundle.manifest.space.labels == other.bundle.manifest.space.labels
    comparison = _Comparison(same_labels=same_labels, still=source.still)
    with ended_by_signals(), closing(source.items()) as items:
        _label_with_both(items, labellers, comparison, request, make_progress_sink(source, request.frames) or Sink())
    return comparison.report(request.diff_limit)


def _refuse_same(model: Model, other: Model) -> None:
    """The manifests count, too: the same network may decide otherwise with other thresholds."""
    a, b = model.bundle.manifest, other.bundle.manifest
    if model.variant.sha256 == other.variant.sha256 and (a.space, a.input, a.live) == (b.space, b.input, b.live):
        problem = f"--diff {other.bundle.path} is the same as the bundle that it is compared with"
        raise UsageError(f"{problem}; name the other one with --bundle, such as --bundle bundles/old")


@dataclass
class _Comparison:
    same_labels: bool  # whether scores can be compared
    still: bool
    frames: int = 0
    faults: int = 0
    differing: int = 0
    largest: float = 0.0  # difference between two scores
    texts: tuple[str, str] = ("", "")  # of the last frame

    def update(self, frame: Frame, a: Result, b: Result) -> None:
        """Compare two results of a frame; prints the pair if it differs and is new."""
        self.frames += 1
        if self.same_labels:
            self.largest = max(self.largest, float(np.abs(a.score_array - b.score_array).max()))
        texts = a.decision.text, b.decision.text
        if texts[0] != texts[1]:
            self.differing += 1
            if self.still or texts != self.texts:
                clear_progress()
                where = frame.source if self.still else f"frame {frame.index}"
                click.echo(printable(f"{where}: {texts[0]} | {texts[1]}"))
        self.texts = texts

    def report(self, limit: float) -> int:
        """Print the totals; returns the exit status. `limit` is the percentage of frames that may differ."""
        if not self.frames:
            say(f"no frame was compared; {self.faults} could not be read")
            return 1
        share = 100 * self.differing / self.frames
        score = f", largest score difference {self.largest:.3f}" if self.same_labels else ""
        counted = f"{self.differing} of {self.frames} frames decide differently ({share:.1f} %)"
        say(f"{counted}{score}; {limit:g} % may")
        return CHECK_FAILED if share > limit else int(self.faults > 0)


def _label_with_both(
    items: Iterable[Item], labellers: Sequence[Labeller], comparison: _Comparison, request: Request, progress: Sink
) -> None:
    """Label until the items end, or a limit of the request is reached."""
    deadline = math.inf if request.seconds is None else time.monotonic() + request.seconds
    for item in items:
        if isinstance(item, Fault):
            comparison.faults += 1
            progress.fault(item)
            say(item.reason)
        elif isinstance(item, Event):
            say(item.detail)
            for labeller in labellers:
                labeller.reset()
        elif isinstance(item, Frame):
            a, b = (labeller.label(item) for labeller in labellers)
            progress.put(a)
            comparison.update(item, a, b)
        if comparison.frames == request.frames or time.monotonic() >= deadline:
            return


def check_colour_card(request: Request) -> int:
    """Read the colour card for some seconds; prints one line per finding and returns the exit status."""
    source = open_source(request.source_text(), every_frame=False, camera=request.camera_settings())
    seconds = request.seconds or CARD_S
    say(f"{source.describe()}; looking for the colour card for up to {seconds:g} s")
    frames, readings = _read_cards(source, request.frames, time.monotonic() + seconds)
    if not readings:
        hint = "hold it flat, whole and large; --print-colour-card makes one"
        nothing = f"{source.name} gave no picture that could show a colour card"
        say(f"no colour card in {pluralize(frames, 'picture')}: {hint}" if frames else nothing)
        return NOT_FOUND
    findings = evaluate_card(readings)
    for finding in findings:
        click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.text}")
    return 0 if all(finding.good for finding in findings) else CHECK_FAILED


def _read_cards(source: Source, limit: int | None, deadline: float) -> tuple[int, list[Patches]]:
    """Number of frames that were searched, and the readings of those with a card."""
    frames, readings = 0, list[Patches]()
    with ExitStack() as stack:
        items = stack.enter_context(NewestFrameReader(source)) if source.live else source.items()
        for item in items:
            if isinstance(item, Fault):
                say(item.reason)
            elif isinstance(item, Event):
                say(f"{item.source} {item.state}: {item.detail}")
            elif isinstance(item, Frame):
                frames += 1
                if (reading := read_colour_card(item.image)) is not None:
                    readings.append(reading)
            if len(readings) >= MAX_READINGS or time.monotonic() > deadline or frames == limit:
                break
    return frames, readings
