"""`--diff` compares two bundles on the same frames; `--colour-card` checks the colours of a camera."""

import time
from contextlib import ExitStack, closing
from dataclasses import replace

import click
import numpy as np

from fashion_edge.cli.request import Request, choose_options
from fashion_edge.cli.signals import ended_by_signals
from fashion_edge.colour_card import Patches, evaluate_card, read_colour_card
from fashion_edge.console import clear_progress, pluralize, say
from fashion_edge.errors import ScoreError, UsageError, printable
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.loading import Model
from fashion_edge.pipeline import Labeller, Summary, run
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
    options = [choose_options(request, one.bundle, source) for one in (model, other)]
    first = Labeller(model.bundle.manifest, model.backend, options[0], still=source.still)
    second = Labeller(other.bundle.manifest, other.backend, options[1], still=source.still)
    names = (f"{one.bundle.path.name}/{one.variant.file}" for one in (model, other))
    say(f"{' against '.join(names)} on {source.name}")
    same_labels = model.bundle.manifest.space.labels == other.bundle.manifest.space.labels
    progress = make_progress_sink(source, request.frames) or Sink()
    comparison = _Comparison(second, progress, same_labels=same_labels, still=source.still)
    with ended_by_signals(), closing(source.items()) as items:
        run(items, first, comparison, options[0], Summary())
    return comparison.report(request.diff_limit)


def _refuse_same(model: Model, other: Model) -> None:
    """The manifests count, too: the same network may decide otherwise with other thresholds."""
    a, b = model.bundle.manifest, other.bundle.manifest
    if model.variant.sha256 == other.variant.sha256 and (a.space, a.input, a.live) == (b.space, b.input, b.live):
        problem = f"--diff {other.bundle.path} is the same as the bundle that it is compared with"
        raise UsageError(f"{problem}; name the other one with --bundle, such as --bundle bundles/old")


class _Comparison(Sink):
    """Labels every frame with a second bundle, and counts the differences."""

    def __init__(self, other: Labeller, progress: Sink, *, same_labels: bool, still: bool) -> None:
        self._other = other
        self._progress = progress
        self._same_labels = same_labels  # whether scores can be compared
        self._still = still
        self._frames = self._faults = self._differing = 0
        self._largest = 0.0  # difference between two scores
        self._texts = ("", "")  # of the last frame

    def put(self, result: Result) -> None:
        """Compare a frame; prints the pair of labels if they differ, and did not just before."""
        frame = result.frame
        try:
            b = self._other.label(frame)
        except ScoreError as error:
            self.fault(self._other.refuse(frame, error))
            return
        self._frames += 1
        self._progress.put(result)
        if self._same_labels:
            self._largest = max(self._largest, float(np.abs(result.score_array - b.score_array).max()))
        texts = result.text, b.text
        if texts[0] != texts[1]:
            self._differing += 1
            if self._still or texts != self._texts:
                clear_progress()
                where = frame.source if self._still else f"frame {frame.index}"
                click.echo(printable(f"{where}: {texts[0]} | {texts[1]}"))
        self._texts = texts

    def fault(self, fault: Fault) -> None:
        """Count and print an input that could not be read, or has no valid scores."""
        self._faults += 1
        self._progress.fault(fault)
        if not fault.repeated:
            say(fault.reason)

    def event(self, event: Event) -> None:
        """Print a change of the source's state, and forget earlier frames."""
        say(event.detail)
        self._other.reset()

    def report(self, limit: float) -> int:
        """Print the totals; returns the exit status. `limit` is the percentage of frames that may differ."""
        if not self._frames:
            say(f"no frame was compared; {self._faults} gave no labels")
            return 1
        share = 100 * self._differing / self._frames
        score = f", largest score difference {self._largest:.3f}" if self._same_labels else ""
        counted = f"{self._differing} of {self._frames} frames decide differently ({share:.1f} %)"
        lost = f"; {self._faults} gave no labels" if self._faults else ""
        say(f"{counted}{score}; {limit:g} % may{lost}")
        return CHECK_FAILED if share > limit else int(self._faults > 0)


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
