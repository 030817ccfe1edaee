"""Two bundles on the same frames: which frames they decide differently."""

from dataclasses import replace

import click
import numpy as np

from fashion_edge.choice import open_model
from fashion_edge.console import say
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.keep import choose_options
from fashion_edge.pipeline import Labeller
from fashion_edge.request import Request
from fashion_edge.sources import open_source

DIFFERS = 3  # exit status: a gate said no


def diff_bundles(request: Request) -> int:
    """Label every frame with both; prints where the pair of texts changes, returns the exit status."""
    ours = open_model(request)
    like = replace(request, bundle=request.diff, runtime=ours.variant.runtime, precision=ours.variant.precision)
    pair = [ours, open_model(like)]
    source = open_source(request.source_text(), every_frame=True, wish=request.wish())
    labellers = [
        Labeller(
            model.bundle.manifest, model.backend, choose_options(request, model.bundle, source), still=source.still
        )
        for model in pair
    ]
    say(" against ".join(f"{model.bundle.path.name}/{model.variant.file}" for model in pair) + f" on {source.name}")
    comparable = pair[0].bundle.manifest.space.labels == pair[1].bundle.manifest.space.labels
    frames = faults = differing = 0
    largest, said = 0.0, ("", "")
    items = source.items()
    for item in items:
        if isinstance(item, Fault):
            faults += 1
            say(item.reason)
        elif isinstance(item, Event):
            for labeller in labellers:
                labeller.forget()
        elif isinstance(item, Frame):
            a, b = (labeller.label(item) for labeller in labellers)
            frames += 1
            texts = a.decision.text, b.decision.text
            if comparable:
                largest = max(largest, float(np.abs(a.scores - b.scores).max()))
            if texts[0] != texts[1]:
                differing += 1
                if source.still or texts != said:
                    click.echo(f"{item.source if source.still else f'frame {item.index}'}: {texts[0]} | {texts[1]}")
            said = texts
            if frames == request.frames:
                break
    items.close()
    if not frames:
        say(f"no frame was compared; {faults} could not be read")
        return 1
    share = 100 * differing / frames
    score = f", largest score difference {largest:.3f}" if comparable else ""
    say(f"{differing} of {frames} frames decide differently ({share:.1f} %){score}; {request.diff_limit:g} % may")
    if share > request.diff_limit:
        return DIFFERS
    return 1 if faults else 0
