"""`fashion-edge --colour-card`: look at a printed card through a source, and judge its colours."""

from contextlib import ExitStack

import click

from fashion_edge.colour.judge import judge
from fashion_edge.colour.measure import Reading, read_card
from fashion_edge.console import say
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.latest import Latest
from fashion_edge.pace import Stopwatch
from fashion_edge.request import Request
from fashion_edge.sources import open_source
from fashion_edge.wording import some

LOOK_S = 8.0
ENOUGH = 60  # readings
NOT_SEEN, REFUSED = 1, 3  # exit statuses


def look_at_card(request: Request) -> int:
    """Read the card for some seconds; prints one line a finding and returns the exit status."""
    source = open_source(request.source_text(), every_frame=False, wish=request.wish())
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
            f"no colour card in {some(looked, 'picture')}: hold it flat, whole and large; --print-colour-card makes one"
        )
        return NOT_SEEN
    verdicts = judge(readings)
    for verdict in verdicts:
        click.echo(f"{'ok ' if verdict.good else 'BAD'}  {verdict.text}")
    return 0 if all(verdict.good for verdict in verdicts) else REFUSED
