"""The live demo: garments that sway and come nearer before changing backgrounds, frame by frame.

Sprites and backgrounds are rendered once for each act; a frame is one warp and one blend.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError
from fashion_edge.frame import PORTRAIT
from fashion_edge.opencv import cv2
from fashion_render.background import BUSY, QUIET, draw_background
from fashion_render.canvas import to_image
from fashion_render.dataset import stream
from fashion_render.scene import SceneImage, render_standing, render_thing

FPS = 30.0
ACT_SECONDS = 3.0
COLOURS, GARMENTS = ("black", "blue", "red"), ("dress", "jeans", "shirt")
THINGS = ("bag", "umbrella", "bottle")
EMPTY = ""  # an act with nothing but a background
QUIET_SHARE = 0.5  # of the acts play before white, plain paper or a gradient
MARGIN = 1.12  # the background is this much larger than the frame, and slides

Act = tuple[str, str] | str  # (colour, garment), a thing, or EMPTY


@dataclass(frozen=True)
class Stage:
    """What one act shows, rendered."""

    background: SceneImage  # larger than the frame
    cloth: SceneImage  # (h, w, 3) premultiplied with alpha
    clear: SceneImage  # (h, w, 3) 255 - alpha
    sway: NDArray[np.float64]  # phases and rates of the movement


@dataclass(frozen=True)
class Move:
    """Where a sprite is at one moment: a region of the frame, and the way there."""

    matrix: NDArray[np.float64]  # (2, 3) from sprite to region
    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the region."""
        return self.columns.stop - self.columns.start, self.rows.stop - self.rows.start


class DemoScene:
    """An endless scene; the same seed gives the same acts.

    Garments stay largely inside the portrait box in the middle of the frame (full height, four fifths of it wide).
    """

    def __init__(self, seed: int = 0, height: int = 480, width: int = 640) -> None:
        if height < 48 or width < 48:
            raise ValueError(f"a scene of {height} x {width} is too small: 48 x 48 pixels at least")
        self.height, self.width, self.seed = height, width, seed
        self.acts = _programme(seed)
        self._stage = lru_cache(maxsize=len(self.acts))(self._render_stage)

    def frame(self, index: int) -> SceneImage:
        """The frame (height, width, 3) uint8 B, G, R at an index, 30 a second; a new array each time."""
        act, seconds = self._place(index)
        stage = self._stage(act)
        frame = self._slide(stage, seconds)
        if stage.cloth.size:
            self._blend(frame, stage, self._move(stage, seconds))
        return frame

    def truth(self, index: int) -> tuple[str, str] | None:
        """What the frame shows: (colour, garment), or None where there is no garment."""
        act = self.acts[self._place(index)[0]]
        return act if isinstance(act, tuple) else None

    def cover(self, index: int) -> SceneImage:
        """How much of each pixel what is shown covers, wearer and all: (height, width) uint8, 255 is wholly."""
        act, seconds = self._place(index)
        stage = self._stage(act)
        black = Stage(np.empty(0, np.uint8), 255 - stage.clear, stage.clear, stage.sway)
        frame = np.zeros((self.height, self.width, 3), np.uint8)
        if stage.cloth.size:
            self._blend(frame, black, self._move(stage, seconds))
        return frame[:, :, 0].copy()

    def _place(self, index: int) -> tuple[int, float]:
        """Which act, and seconds since it began."""
        per_act = round(ACT_SECONDS * FPS)
        return index // per_act % len(self.acts), index % per_act / FPS

    def _render_stage(self, number: int) -> Stage:
        act = self.acts[number]
        rng = stream(self.seed, "demo", number)
        kind = str(rng.choice(QUIET if rng.random() < QUIET_SHARE else BUSY))
        height, width = round(self.height * MARGIN), round(self.width * MARGIN)
        small = to_image(draw_background(rng, height // 2, width // 2, kind))
        background = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        sway = rng.uniform(0, 2 * np.pi, 4)
        if act == EMPTY:
            nothing = np.zeros((0, 0, 3), np.uint8)
            return Stage(background, nothing, nothing, sway)
        sprite = self._sprite(rng, act)
        alpha = cv2.merge([sprite[:, :, 3]] * 3)
        return Stage(
            background, cv2.multiply(np.ascontiguousarray(sprite[:, :, :3]), alpha, scale=1 / 255), 255 - alpha, sway
        )

    def _sprite(self, rng: np.random.Generator, act: Act) -> SceneImage:
        """Cut out, as large as the guide box takes it; empty columns at the sides are dropped."""
        guide = round(min(self.width, self.height * PORTRAIT))
        if not isinstance(act, tuple):
            return render_thing(rng, act, self.height // 2)
        sprite = render_standing(rng, act[1], act[0], self.height, guide)
        used = np.flatnonzero(sprite[:, :, 3].any(axis=0))
        spare = min(int(used[0]), sprite.shape[1] - 1 - int(used[-1]))
        return sprite[:, spare : sprite.shape[1] - spare]

    def _slide(self, stage: Stage, seconds: float) -> SceneImage:
        spare_y, spare_x = stage.background.shape[0] - self.height, stage.background.shape[1] - self.width
        x = round(spare_x * (0.5 + 0.5 * np.sin(0.5 * seconds + stage.sway[0])))
        y = round(spare_y * (0.5 + 0.5 * np.sin(0.4 * seconds + stage.sway[1])))
        return stage.background[y : y + self.height, x : x + self.width].copy()

    def _move(self, stage: Stage, seconds: float) -> Move:
        tall, wide = stage.cloth.shape[:2]
        angle = 0.05 * np.sin(1.9 * seconds + stage.sway[2])
        scale = 1 + 0.05 * np.sin(1.1 * seconds + stage.sway[3])
        x = self.width / 2 + 0.03 * self.height * np.sin(1.3 * seconds + stage.sway[0])
        y = self.height / 2 + 0.015 * self.height * np.sin(1.7 * seconds + stage.sway[1])
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        reach_x = (abs(cosine) * wide + abs(sine) * tall) / 2 + 2
        reach_y = (abs(cosine) * tall + abs(sine) * wide) / 2 + 2
        left, right = max(0, int(x - reach_x)), min(self.width, int(x + reach_x))
        top, bottom = max(0, int(y - reach_y)), min(self.height, int(y + reach_y))
        turn = np.array([[cosine, -sine], [sine, cosine]])
        shift = (x - left, y - top) - turn @ (wide / 2, tall / 2)
        return Move(np.column_stack([turn, shift]), slice(top, bottom), slice(left, right))

    def _blend(self, frame: SceneImage, stage: Stage, move: Move) -> None:
        region = frame[move.rows, move.columns]
        cloth = cv2.warpAffine(stage.cloth, move.matrix, move.size)
        clear = cv2.warpAffine(stage.clear, move.matrix, move.size, borderValue=(255, 255, 255))
        cv2.add(cv2.multiply(region, clear, scale=1 / 255), cloth, dst=region)


def write_clip(
    path: Path | str, frames: int, *, fps: float = FPS, height: int = 480, width: int = 640, seed: int = 0
) -> None:
    """Write the first frames of the demo as a video.

    Args:
        path: a name that ends in `.avi` (Motion JPEG, as most USB cameras send it) or `.mp4` (MPEG-4).
        frames: how many frames; at 30 frames per second the scene moves at its own speed.
        fps: frames per second that the file declares.
        height: of a frame, pixels.
        width: of a frame, pixels.
        seed: of the scene.

    Raises:
        SourceError: this OpenCV cannot write such a file.

    Example:
        >>> write_clip("demo.avi", frames=90)
    """
    codec = {".avi": "MJPG", ".mp4": "mp4v"}.get(Path(path).suffix, "")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (width, height)) if codec else None
    if writer is None or not writer.isOpened():
        raise SourceError(f"OpenCV here cannot write the clip {Path(path).name}; give a video with --source")
    scene = DemoScene(seed, height, width)
    for index in range(frames):
        writer.write(scene.frame(index))
    writer.release()


def _programme(seed: int) -> tuple[Act, ...]:
    """The nine garments in a seeded order, with a thing or an empty stage after every third."""
    rng = stream(seed, "programme", 0)
    garments: list[Act] = [(colour, garment) for colour in COLOURS for garment in GARMENTS]
    order = [garments[i] for i in rng.permutation(len(garments))]
    between: list[Act] = [THINGS[int(rng.integers(len(THINGS)))], EMPTY]
    return (*order[:3], between[0], *order[3:6], between[1], *order[6:])
