"""Whole pictures: a garment or a thing, framed, in front of something, photographed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_render.background import BUSY, KINDS, QUIET, blurred, draw_background
from fashion_render.canvas import Picture, PictureField, to_image
from fashion_render.fabric import Light
from fashion_render.objects import OBJECTS, any_colour, paint_object
from fashion_render.outfit import Box, GarmentSpec, Outfit, draw_outfit, paint_outfit
from fashion_render.panel import View

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """One camera in one light. The defaults change nothing."""

    exposure: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # white balance, B, G, R
    gamma: float = 1.0
    vignette: float = 0.0  # darkening in the corners
    blur: float = 0.0  # pixels
    noise: float = 0.0  # standard deviation, grey levels
    jpeg: int | None = None  # quality 1..100


def draw_camera(rng: np.random.Generator, *, studio: bool = False) -> Camera:
    """Draw a camera by lot: good ones, most often in a studio, and phones in bad light."""
    if rng.random() < (0.8 if studio else 0.4):
        return Camera(exposure=rng.uniform(0.98, 1.06), noise=rng.uniform(0, 1.5), jpeg=int(rng.integers(70, 96)))
    warm = rng.uniform(-0.12, 0.12)
    return Camera(
        exposure=rng.uniform(0.75, 1.2),
        gains=(1 - warm, 1 + rng.uniform(-0.03, 0.03), 1 + warm),
        gamma=rng.uniform(0.85, 1.2),
        vignette=rng.uniform(0, 0.3),
        blur=float(rng.choice((0, 0, 0.6, 1.2))),
        noise=rng.uniform(0, 6),
        jpeg=int(rng.integers(35, 90)),
    )


def expose(rng: np.random.Generator, camera: Camera, scene: NDArray[np.float32]) -> Image:
    """Photograph a scene (3, h, w) float32, planes B, G, R 0..255; returns pixels (h, w, 3) uint8."""
    height, width = scene.shape[1:]
    picture = blurred(scene, camera.blur) if camera.blur else scene
    picture = picture * (np.array(camera.gains, np.float32) * np.float32(camera.exposure))[:, None, None]
    if camera.vignette:
        y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
        picture *= 1 - np.float32(camera.vignette) * (y[:, None] ** 2 + x**2) / 2
    if camera.noise:
        grain = rng.standard_normal((height, width), dtype=np.float32) * np.float32(camera.noise)
        # One field, moved along, serves all three channels: drawing it is what costs.
        picture += np.stack([np.roll(grain, shift) for shift in rng.integers(0, width, 3)])
    image = to_image(picture)
    if camera.gamma != 1.0:
        table = (255 * (np.arange(256) / 255) ** camera.gamma).round().astype(np.uint8)
        image = cv2.LUT(image, table)
    if camera.jpeg is not None:
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return image


SceneImage = NDArray[np.uint8]

# Shares of white and of busy backgrounds, as in photos from shops; the rest is plain paper or a gradient.
BACKGROUND_SHARES = {"dress": (0.35, 0.25), "jeans": (0.6, 0.15), "shirt": (0.78, 0.12), "thing": (0.45, 0.3)}
FULL_FIGURE: Box = (-1.3, -0.15, 1.3, 8.05)


def render_garment(rng: np.random.Generator, garment: str, colour: str, height: int = 320) -> SceneImage:
    """A garment and its wearer cut out: (height, w, 4) uint8 B, G, R, A with straight alpha.

    Raises:
        ValueError: a garment or colour that is not known.
    """
    outfit = draw_outfit(rng, GarmentSpec(garment, colour))
    left, top, right, bottom = _pad(_frame(rng, outfit), 0.04)
    scale = height / (bottom - top)
    picture = Picture(height, max(8, round((right - left) * scale)))
    paint_outfit(rng, picture, View(scale, -left * scale, -top * scale), outfit)
    return picture.to_sprite()


def render_standing(rng: np.random.Generator, garment: str, colour: str, height: int, width: int) -> SceneImage:
    """A garment without a print on its whole wearer, cut out for a frame (height, width): (h, w, 4) uint8 B, G, R, A.

    The garment is in the middle and fills the frame; the sprite reaches a tenth beyond it, above and below, so that
    a wearer whom the frame cuts off can move.

    Raises:
        ValueError: a garment or colour that is not known.
    """
    outfit = draw_outfit(rng, GarmentSpec(garment, colour, plain=True))
    left, top, right, bottom = outfit.box()
    if outfit.figure.solid and garment == "dress":
        top, bottom = FULL_FIGURE[1], FULL_FIGURE[3]
    scale = min(0.86 * height / (bottom - top), 0.9 * width / (right - left))
    tall, wide = round(1.2 * height), round(1.5 * width)
    picture = Picture(tall, wide)
    view = View(scale, wide / 2 - scale * (left + right) / 2, tall / 2 - scale * (top + bottom) / 2)
    paint_outfit(rng, picture, view, outfit)
    return picture.to_sprite()


def render_thing(rng: np.random.Generator, name: str, height: int = 160) -> SceneImage:
    """A thing that is no garment, cut out: (height, height, 4) uint8 B, G, R, A with straight alpha.

    Raises:
        ValueError: an object that is not known.
    """
    scale = height / 2.1
    picture = Picture(height, height)
    light = Light(rng.uniform(-0.8, 0.8), rng.uniform(0.35, 0.65))
    paint_object(rng, picture, View(scale, height / 2, 0.05 * scale), name, any_colour(rng), light)
    return picture.to_sprite()


def render_photo(
    rng: np.random.Generator,
    garment: str,
    colour: str,
    height: int = 320,
    width: int = 240,
    *,
    camera: Camera | None = None,
    background: str | None = None,
    texture: bool = True,
) -> SceneImage:
    """A photo of a garment of that colour: (height, width, 3) uint8 B, G, R.

    Camera and background are drawn by lot where they are not given; without `texture` cloth has no grain.

    Raises:
        ValueError: a garment, colour or background that is not known.
    """
    outfit = draw_outfit(rng, GarmentSpec(garment, colour))
    if not texture:
        outfit = replace(outfit, fabric=replace(outfit.fabric, texture=0.0))
    kind = background or _background_kind(rng, garment)
    scene = draw_background(rng, height, width, kind)
    picture = Picture(height, width)
    view = fit_view(rng, _frame(rng, outfit), height, width, tilt=rng.normal(0, 0.035))
    paint_outfit(rng, picture, view, outfit)
    _shadow(rng, scene, picture, kind)
    _over(scene, picture)
    if rng.random() < 0.08:
        _occlude(rng, scene)
    return expose(rng, camera or draw_camera(rng, studio=kind in QUIET), scene)


def render_object(
    rng: np.random.Generator,
    name: str | None = None,
    height: int = 320,
    width: int = 240,
    *,
    camera: Camera | None = None,
    background: str | None = None,
) -> SceneImage:
    """A photo of a thing that is no garment: (height, width, 3) uint8 B, G, R; drawn by lot where it is not named.

    Raises:
        ValueError: an object or background that is not known.
    """
    name = name or str(rng.choice(OBJECTS))
    kind = background or _background_kind(rng, "thing")
    scene = draw_background(rng, height, width, kind)
    picture = Picture(height, width)
    box: Box = (-1.05, -0.05, 1.05, 2.05)
    view = fit_view(rng, _pad(box, rng.uniform(0.02, 0.6)), height, width, tilt=rng.normal(0, 0.2))
    light = Light(rng.uniform(-0.8, 0.8), rng.uniform(0.35, 0.65))
    paint_object(rng, picture, view, name, any_colour(rng), light)
    _shadow(rng, scene, picture, kind)
    _over(scene, picture)
    return expose(rng, camera or draw_camera(rng, studio=kind in QUIET), scene)


def render_background(
    rng: np.random.Generator, height: int = 320, width: int = 240, *, camera: Camera | None = None
) -> SceneImage:
    """A photo of nothing in particular: (height, width, 3) uint8 B, G, R."""
    scene = draw_background(rng, height, width, str(rng.choice(KINDS)))
    return expose(rng, camera or draw_camera(rng), scene)


def fit_view(rng: np.random.Generator, box: Box, height: int, width: int, tilt: float = 0.0) -> View:
    """The view that brings a box, in heads, into a frame, touching two of its sides, and places it by lot."""
    left, top, right, bottom = box
    scale = min(width / (right - left), height / (bottom - top))
    slack_x, slack_y = width - scale * (right - left), height - scale * (bottom - top)
    x = slack_x * (0.5 + 0.25 * rng.uniform(-1, 1)) - left * scale
    y = slack_y * (0.5 + 0.4 * rng.uniform(-1, 1)) - top * scale
    return View(scale, x, y, tilt)


def _frame(rng: np.random.Generator, outfit: Outfit) -> Box:
    """What the photographer takes into the frame: the garment, or more of its wearer."""
    left, top, right, bottom = outfit.box()
    margin = rng.uniform(0.02, 0.14) if rng.random() < 0.8 else rng.uniform(-0.06, 0.3)
    if not outfit.figure.solid:
        return _pad((left, top, right, bottom), margin)
    whole = {"dress": 0.75, "jeans": 0.2, "shirt": 0.04}[outfit.spec.garment]
    if rng.random() < whole:
        wide = max(right, *(abs(arm.elbow[0]) for arm in outfit.figure.arms))
        return _pad((-wide, FULL_FIGURE[1], wide, FULL_FIGURE[3]), margin / 2)
    head = rng.random() < {"dress": 0.5, "jeans": 0.0, "shirt": 0.4}[outfit.spec.garment]
    if outfit.spec.garment == "jeans":
        top, bottom = top - rng.uniform(0.05, 0.9), max(bottom, 8.0 - rng.uniform(0, 0.3))
    if outfit.spec.garment == "shirt":
        bottom += rng.uniform(-0.2, 0.5)
    return _pad((left, -0.1 if head else top, right, bottom), margin)


def _pad(box: Box, share: float) -> Box:
    """Widen a box by a share of its longer side."""
    left, top, right, bottom = box
    by = share * max(right - left, bottom - top)
    return left - by, top - by, right + by, bottom + by


def _background_kind(rng: np.random.Generator, what: str) -> str:
    white, busy = BACKGROUND_SHARES[what]
    lot = rng.random()
    if lot < white:
        return "white"
    return str(rng.choice(BUSY)) if lot < white + busy else str(rng.choice(QUIET[1:]))


def _shadow(rng: np.random.Generator, scene: PictureField, picture: Picture, kind: str) -> None:
    """A soft shadow on what is behind."""
    depth = rng.uniform(0.0, 0.12) if kind == "white" else rng.uniform(0.1, 0.45)
    height, width = picture.size
    small = cv2.resize(picture.pixels[3], (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), rng.uniform(1.0, 5.0))
    move = np.array([[1, 0, rng.uniform(-0.04, 0.04) * width / 4], [0, 1, rng.uniform(0, 0.03) * height / 4]])
    soft = cv2.resize(cv2.warpAffine(soft, move, (width // 4, height // 4)), (width, height))
    scene *= 1 - np.float32(depth) * soft


def _over(scene: PictureField, picture: Picture) -> None:
    scene *= 1 - picture.pixels[3]
    scene += picture.pixels[:3]


def _occlude(rng: np.random.Generator, scene: PictureField) -> None:
    """Something in front of the lens: a post, a branch, a corner of something."""
    height, width = scene.shape[1:]
    front = Picture(height, width)
    x = width * rng.choice((rng.uniform(0, 0.2), rng.uniform(0.8, 1)))
    wide = width * rng.uniform(0.04, 0.14)
    lean = rng.uniform(-0.15, 0.15) * width
    corners = np.array([(x - wide, -5), (x + wide, -5), (x + wide + lean, height + 5), (x - wide + lean, height + 5)])
    front.fill(corners, any_colour(rng) * np.float32(0.8))
    _over(scene, front)
