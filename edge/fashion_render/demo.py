"""The live demo: garments that sway in front of changing backgrounds, frame by frame.

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
from fashion_render.scene import Image, render_standing, render_thing

FPS = 30.0
ACT_SECONDS = 3.0
COLOURS, GARMENTS = ("black", "blue", "red"), ("dress", "jeans", "shirt")
OBJECTS = ("bag", "umbrella", "bottle")
EMPTY = ""  # an act with a background only
QUIET_SHARE = 0.5  # of the acts have white, plain paper or a gradient behind them
MARGIN = 1.12  # size of the background, which slides, relative to the frame

Act = tuple[str, str] | str  # (colour, garment), an object, or EMPTY


@dataclass(frozen=True)
class Stage:
    """The rendered parts of one act."""

    background: Image  # larger than the frame
    cloth: Image  # (h, w, 3) premultiplied with alpha
    clear: Image  # (h, w, 3) 255 - alpha
    phases: NDArray[np.float64]  # of the movement, radians


class DemoScene:
    """An endless scene: garments, objects and empty backgrounds; the same seed gives the same acts.

    Garments stay largely inside the portrait box in the middle of the frame (full height, four fifths of it wide).

    Args:
        seed: of the order of the acts and of everything in them.
        height: of a frame, pixels; 48 or more.
        width: of a frame, pixels; 48 or more.

    Raises:
        ValueError: a scene that is too small.

    Example:
        >>> scene = DemoScene(seed=0)
        >>> scene.frame(0).shape, scene.truth(0)
        ((480, 640, 3), ('red', 'jeans'))
    """

    def __init__(self, seed: int = 0, height: int = 480, width: int = 640) -> None:
        if height < 48 or width < 48:
            raise ValueError(f"a scene of {height} x {width} is too small: 48 x 48 pixels at least")
        self.height, self.width, self.seed = height, width, seed
        self.acts = _programme(seed)
        self._parts = lru_cache(maxsize=len(self.acts))(self._render)  # half the memory of the stages
        self._stage = lru_cache(maxsize=1)(self._make_stage)

    def frame(self, index: int) -> Image:
        """The frame (height, width, 3) uint8 B, G, R at an index, 30 a second; a new array each time."""
        act, seconds = self._place(index)
        stage = self._stage(act)
        frame = self._slide(stage, seconds)
        if stage.cloth.size:
            self._blend(frame, stage, seconds)
        return frame

    def truth(self, index: int) -> tuple[str, str] | None:
        """The (colour, garment) on the frame, or None without a garment."""
        act = self.acts[self._place(index)[0]]
        return act if isinstance(act, tuple) else None

    def _place(self, index: int) -> tuple[int, float]:
        """The number of the act, and seconds since its start."""
        per_act = round(ACT_SECONDS * FPS)
        return index // per_act % len(self.acts), index % per_act / FPS

    def _render(self, number: int) -> tuple[Image, Image | None, NDArray[np.float64]]:
        """Background at half its size, sprite, and phases of an act: 20 to 50 ms."""
        act = self.acts[number]
        rng = stream(self.seed, "demo", number)
        kind = str(rng.choice(tuple(QUIET if rng.random() < QUIET_SHARE else BUSY)))
        small = to_image(draw_background(rng, round(self.height * MARGIN) // 2, round(self.width * MARGIN) // 2, kind))
        phases = rng.uniform(0, 2 * np.pi, 4)
        return small, None if act == EMPTY else self._sprite(rng, act), phases

    def _make_stage(self, number: int) -> Stage:
        small, sprite, phases = self._parts(number)
        size = round(self.width * MARGIN), round(self.height * MARGIN)
        background = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
        if sprite is None:
            return Stage(background, background[:0], background[:0], phases)
        alpha = cv2.merge([sprite[:, :, 3]] * 3)
        cloth = cv2.multiply(np.ascontiguousarray(sprite[:, :, :3]), alpha, scale=1 / 255)
        return Stage(background, cloth, 255 - alpha, phases)

    def _sprite(self, rng: np.random.Generator, act: Act) -> Image:
        """The garment or object, cut out; it fits into the guide box, and empty columns at the sides are dropped."""
        guide = round(min(self.width, self.height * PORTRAIT))
        if not isinstance(act, tuple):
            return render_thing(rng, act, self.height // 2)
        sprite = render_standing(rng, act[1], act[0], self.height, guide)
        used = np.flatnonzero(sprite[:, :, 3].any(axis=0))
        spare = min(int(used[0]), sprite.shape[1] - 1 - int(used[-1]))
        return sprite[:, spare : sprite.shape[1] - spare].copy()  # without it the whole picture stays in memory

    def _slide(self, stage: Stage, seconds: float) -> Image:
        """The background, which slides."""
        spare_y, spare_x = stage.background.shape[0] - self.height, stage.background.shape[1] - self.width
        x = round(spare_x * (0.5 + 0.5 * np.sin(0.5 * seconds + stage.phases[0])))
        y = round(spare_y * (0.5 + 0.5 * np.sin(0.4 * seconds + stage.phases[1])))
        return stage.background[y : y + self.height, x : x + self.width].copy()

    def _blend(self, frame: Image, stage: Stage, seconds: float) -> None:
        """Draw the sprite where it is at that moment: turned, scaled, moved."""
        tall, wide = stage.cloth.shape[:2]
        angle = 0.05 * np.sin(1.9 * seconds + stage.phases[2])
        scale = 1 + 0.05 * np.sin(1.1 * seconds + stage.phases[3])
        x = self.width / 2 + 0.03 * self.height * np.sin(1.3 * seconds + stage.phases[0])
        y = self.height / 2 + 0.015 * self.height * np.sin(1.7 * seconds + stage.phases[1])
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        reach_x = (abs(cosine) * wide + abs(sine) * tall) / 2 + 2
        reach_y = (abs(cosine) * tall + abs(sine) * wide) / 2 + 2
        left, right = max(0, int(x - reach_x)), min(self.width, int(x + reach_x))
        top, bottom = max(0, int(y - reach_y)), min(self.height, int(y + reach_y))
        turn = np.array([[cosine, -sine], [sine, cosine]])
        matrix = np.column_stack([turn, (x - left, y - top) - turn @ (wide / 2, tall / 2)])
        region, size = frame[top:bottom, left:right], (right - left, bottom - top)
        cloth = cv2.warpAffine(stage.cloth, matrix, size)
        clear = cv2.warpAffine(stage.clear, matrix, size, borderValue=(255, 255, 255))
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
    """Nine garments in a seeded order, with an object or an empty background after every third."""
    rng = stream(seed, "programme", 0)
    garments: list[Act] = [(colour, garment) for colour in COLOURS for garment in GARMENTS]
    order = [garments[i] for i in rng.permutation(len(garments))]
    between: list[Act] = [OBJECTS[int(rng.integers(len(OBJECTS)))], EMPTY]
    return (*order[:3], between[0], *order[3:6], between[1], *order[6:])
