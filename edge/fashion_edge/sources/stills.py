"""Photos from disk: one file, or every image below a folder in sorted order."""

import time
from collections.abc import Generator
from pathlib import Path

from fashion_edge.errors import ImageError, SourceError
from fashion_edge.frame import Fault, Frame, Item
from fashion_edge.images import SUFFIXES, find_ignored, find_images, read_image
from fashion_edge.recording import HEADER


class StillsSource:
    """Every picture once; one that cannot be read, or a folder of them, is a fault, and the rest go on."""

    live = False
    still = True
    ahead = True
    fps = 1.0

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._recorded = (path / HEADER).is_file()
        self._paths = list(find_images(path, locked=True)) if path.is_dir() else [path]
        self._ignored = [legible(str(other)) for other in find_ignored(path)] if path.is_dir() else []
        if not self._paths:
            raise SourceError(
                f"{path} holds no picture; expected files that end in {', '.join(sorted(SUFFIXES))}{self._left_out()}"
            )

    @property
    def length(self) -> int:
        """Pictures, those that cannot be read among them."""
        return len(self._paths)

    def items(self) -> Generator[Item, None, None]:
        """Frames in sorted order of their paths."""
        for index, path in enumerate(self._paths):
            started = time.monotonic()
            try:
                image = read_image(path)
            except ImageError as error:
                yield Fault(legible(str(path)), index, legible(str(error)))
            else:
                yield Frame(image, index, started, legible(str(path)), time.monotonic() - started)

    def describe(self) -> str:
        """How many there are."""
        recorded = f"; --source replay:{self.name} gives them as they were recorded" if self._recorded else ""
        return f"{self.name}: {self.length} picture{'s' if self.length != 1 else ''}{recorded}{self._left_out()}"

    def _left_out(self) -> str:
        """Links are not followed: they may lead out of the folder, or round in it."""
        first = f"; not looked at: {self._ignored[0]}" if self._ignored else ""
        return first + (f" and {len(self._ignored) - 1} more" if len(self._ignored) > 1 else "")


def legible(name: str) -> str:
    r"""A file's name that can be written as UTF-8: a byte that is none stands as `\xff`, and the outputs go on."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
