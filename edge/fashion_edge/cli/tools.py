"""`fashion-edge --colour-card`: look at a printed card through a source, and judge its colours."""

import math
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import click
import numpy as np

from fashion_edge.cli.request import Request
from fashion_edge.cli.run import choose_options
from fashion_edge.cli.signals import ended_by_signals
from fashion_edge.colour_card import Reading, judge, read_card
from fashion_edge.console import clear_progress, pluralize, printable, say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.loading import Model, open_model
from fashion_edge.pipeline import Labeller
from fashion_edge.readers import Latest, Stopwatch
from fashion_edge.sinks.text import ProgressSink, make_progress
from fashion_edge.sources import open_source

DIFFERS = 3  # exit status: a gate said no


def diff_bundles(request: Request) -> int:
    """Label every frame with both; prints where the pair of texts changes, returns the exit status."""
    ours = open_model(request)
    like = replace(request, bundle=request.diff, runtime=ours.variant.runtime, precision=ours.variant.precision)
    pair = [ours, open_model(like)]
    _refuse_twins(*pair)
    source = open_source(request.source_text(), every_frame=True, camera=request.camera_settings())
    labellers = [
        Labeller(
            model.bundle.manifest, model.backend, choose_options(request, model.bundle, source), still=source.still
        )
        for model in pair
    ]
    say(" against ".join(f"{model.bundle.path.name}/{model.variant.file}" for model in pair) + f" on {source.name}")
    comparable = pair[0].bundle.manifest.space.labels == pair[1].bundle.manifest.space.labels
    tally = Tally(request.diff_limit, comparable)
    progress = make_progress(source, request.frames)
    with ended_by_signals(), closing(source.items()) as items:
        _compare(items, labellers, tally, request, progress, still=source.still)
    return tally.verdict()


def _refuse_twins(ours: Model, other: Model) -> None:
    """Thresholds count: the same network may decide otherwise."""
    a, b = ours.bundle.manifest, other.bundle.manifest
    if ours.variant.sha256 == other.variant.sha256 and (a.space, a.input, a.live) == (b.space, b.input, b.live):
        raise UsageError(
            f"--diff {other.bundle.path} is the bundle that it would be compared with; "
            "name the other one with --bundle, such as --bundle bundles/old"
        )


@dataclass
class Tally:
    """What was compared so far."""

    limit: float  # per cent of the frames that may differ
    comparable: bool  # whether both have the same labels, so that scores can be compared
    frames: int = 0
    faults: int = 0
    differing: int = 0
    largest: float = 0.0  # difference between two scores

    def verdict(self) -> int:
        """Say what came out; the exit status."""
        if not self.frames:
            say(f"no frame was compared; {self.faults} could not be read")
            return 1
        share = 100 * self.differing / self.frames
        score = f", largest score difference {self.largest:.3f}" if self.comparable else ""
        counted = f"{self.differing} of {self.frames} frames decide differently ({share:.1f} %)"
        say(f"{counted}{score}; {self.limit:g} % may")
        if share > self.limit:
            return DIFFERS
        return 1 if self.faults else 0


def _compare(
    items: Iterable[Item],
    labellers: list[Labeller],
    tally: Tally,
    request: Request,
    progress: ProgressSink | None,
    *,
    still: bool,
) -> None:
    """Label until the items end, or a limit of the request is reached."""
    deadline = math.inf if request.seconds is None else time.monotonic() + request.seconds
    said = ("", "")
    for item in items:
        if isinstance(item, Fault):
            tally.faults += 1
            say(item.reason)
        elif isinstance(item, Event):
            say(item.detail)
            for labeller in labellers:
                labeller.forget()
        elif isinstance(item, Frame):
            a, b = (labeller.label(item) for labeller in labellers)
            tally.frames += 1
            texts = a.decision.text, b.decision.text
            if tally.comparable:
                tally.largest = max(tally.largest, float(np.abs(a.score_array - b.score_array).max()))
            if texts[0] != texts[1]:
                tally.differing += 1
                if still or texts != said:
                    clear_progress()
                    where = item.source if still else f"frame {item.index}"
                    click.echo(printable(f"{where}: {texts[0]} | {texts[1]}"))
            said = texts
        if progress is not None:
            progress.show(tally.frames + tally.faults)
        if tally.frames == request.frames or time.monotonic() >= deadline:
            return


LOOK_S = 8.0
ENOUGH = 60  # readings
NOT_SEEN, REFUSED = 1, 3  # exit statuses


def look_at_card(request: Request) -> int:
    """Read the card for some seconds; prints one line a finding and returns the exit status."""
    source = open_source(request.source_text(), every_frame=False, camera=request.camera_settings())
    seconds = request.seconds or LOOK_S
    say(f"{source.describe()}; looking for the colour card for up to {seconds:g} s")
    readings, looked, watch = [], 0, Stopwatch()
    with ExitStack() as stack:
        items = stack.enter_context(Latest(source)) if source.live else source.items()
        for item in items:
            if isinstance(item, Fault):
                say(item.reason)
            elif isinstance(item, Event):
                say(f"{item.source} {item.state}: {item.detail}")
            elif isinstance(item, Frame):
                looked += 1
                reading: Reading | None = read_card(item.image)
                readings += [reading] if reading else []
            if len(readings) >= ENOUGH or watch.seconds > seconds or looked == request.frames:
                break
    if not looked:
        say(f"{source.name} gave no picture that a colour card could be in")
        return NOT_SEEN
    if not readings:
        say(
            f"no colour card in {pluralize(looked, 'picture')}: hold it flat, whole and large; "
            "--print-colour-card makes one"
        )
        return NOT_SEEN
    verdicts = judge(readings)
    for verdict in verdicts:
        click.echo(f"{'ok ' if verdict.good else 'BAD'}  {verdict.text}")
    return 0 if all(verdict.good for verdict in verdicts) else REFUSED
