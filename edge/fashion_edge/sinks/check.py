"""Whether a replay decides as its recording did, bit for bit."""

from fashion_edge.recording import Header, Line, exact
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink


class ReplayCheck(Sink):
    """Compares each frame with its recorded line; `same_model` says whether the very same scores must come."""

    name = "the check of the replay"

    def __init__(self, header: Header, lines: dict[int, Line], *, same_model: bool) -> None:
        self.compared = 0
        self.differing: list[str] = []
        self._header = header
        self._lines = lines
        self._same_model = same_model

    @property
    def failed(self) -> bool:
        """Whether the same model under the same settings decided otherwise."""
        return self._same_model and bool(self.differing)

    def put(self, result: Result) -> None:
        """Compare text and, to the bit, scores."""
        line = self._lines.get(result.frame.index)
        if line is None:
            return
        self.compared += 1
        same = line.text == result.decision.text
        if self._same_model:
            same = (
                same and line.scores == tuple(exact(result.scores)) and line.smoothed == tuple(exact(result.smoothed))
            )
        if not same:
            self.differing.append(f"frame {line.frame}: {line.text} | {result.decision.text}")

    def describe(self) -> str:
        """One line for the end of the run."""
        if not self.compared:
            return "replay: no frame was compared"
        if not self.differing:
            how = ", bit for bit" if self._same_model else ""
            return f"replay: all {self.compared} decisions are the recorded ones{how}"
        why = "" if self._same_model else " (another model, runtime or settings)"
        first = self.differing[0]
        return f"replay: {len(self.differing)} of {self.compared} frames differ from the recording{why}; first {first}"
