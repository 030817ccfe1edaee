"""Whole pictures: a garment or an object, framed, in front of a background, photographed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_render.background import BUSY, KINDS, QUIET, blurred, draw_background
from fashion_render.canvas import Box, Field, Picture, View, to_image
from fashion_render.fabric import Brush, Light
from fashion_render.objects import OBJECTS, paint_object
from fashion_render.outfit import Outfit, draw_outfit, paint_outfit

Image = NDArray[np.uint8]

# Shares of white and of busy backgrounds, as in photos from shops; the rest is plain paper or a gradient.
BACKGROUND_SHARES = {"dress": (0.35, 0.25), "jeans": (0.6, 0.15), "shirt": (0.78, 0.12), "object": (0.45, 0.3)}
FULL_FIGURE: Box = (-1.3, -0.15, 1.3, 8.05)
OBJECT_BOX: Box = (-1.05, -0.05, 1.05, 2.05)


@dataclass(frozen=True)
class Camera:
    """One camera in one light; the defaults change nothing.

    Example:
        >>> phone = Camera(exposure=0.8, noise=4.0, jpeg=60)
    """

    exposure: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # white balance, B, G, R
    gamma: float = 1.0
    vignette: float = 0.0  # darkening in the corners
    blur: float = 0.0  # pixels
    noise: float = 0.0  # standard deviation, grey levels
    jpeg: int | None = None  # quality 1..100


def draw_camera(rng: np.random.Generator, *, studio: bool = False) -> Camera:
    """Draw a random camera: good ones, most often in a studio, and phones in bad light."""
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


def expose(rng: np.random.Generator, camera: Camera, scene: Field) -> Image:
    """Photograph a scene (3, h, w) float32, planes B, G, R 0..255; returns pixels (h, w, 3) uint8."""
    height, width = scene.shape[1:]
    picture = blurred(scene, camera.blur) if camera.blur else scene
    picture = picture * (np.array(camera.gains, np.float32) * camera.exposure)[:, None, None]
    if camera.vignette:
        y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
        picture *= 1 - camera.vignette * (y[:, None] ** 2 + x**2) / 2
    if camera.noise:
        grain = rng.standard_normal((height, width), dtype=np.float32) * camera.noise
        # Drawing the noise is the slow part, so all three channels share one field, shifted.
        picture += np.stack([np.roll(grain, shift) for shift in rng.integers(0, width, 3)])
    image = to_image(picture)
    if camera.gamma != 1.0:
        image = cv2.LUT(image, (255 * (np.arange(256) / 255) ** camera.gamma).round().astype(np.uint8))
    if camera.jpeg is not None:
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return image


def render_standing(rng: np.random.Generator, garment: str, colour: str, height: int, width: int) -> Image:
    """A garment without a print on its whole wearer, cut out for a frame (height, width): (h, w, 4) uint8 B, G, R, A.

    The garment fills the middle of the frame; the sprite is a tenth larger, above and below, so that a wearer
    whom the frame cuts off can move.

    Raises:
        ValueError: an unknown garment or colour.
    """
    outfit = draw_outfit(rng, garment, colour, plain=True)
    left, top, right, bottom = outfit.box()
    if outfit.figure.solid and garment == "dress":
        top, bottom = FULL_FIGURE[1], FULL_FIGURE[3]
    scale = min(0.86 * height / (bottom - top), 0.9 * width / (right - left))
    picture = Picture(round(1.2 * height), round(1.5 * width))
    tall, wide = picture.size
    view = View(scale, wide / 2 - scale * (left + right) / 2, tall / 2 - scale * (top + bottom) / 2)
    paint_outfit(Brush(rng, picture, view, outfit.light), outfit)
    return picture.to_sprite()


def render_thing(rng: np.random.Generator, name: str, height: int = 160) -> Image:
    """An object cut out: (height, height, 4) uint8 B, G, R, A with straight alpha.

    Raises:
        ValueError: an unknown object.
    """
    picture, scale = Picture(height, height), height / 2.1
    paint_object(Brush(rng, picture, View(scale, height / 2, 0.05 * scale), _object_light(rng)), name)
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
) -> Image:
    """Render a photo of a garment of that colour.

    Args:
        rng: the source of randomness; equal states give equal photos.
        garment: one of `GARMENTS`.
        colour: one of `COLOURS`.
        height: pixels.
        width: pixels.
        camera: random if None.
        background: such as "white" or "street"; random if None.
        texture: whether cloth has grain.

    Returns:
        Pixels (height, width, 3) uint8 B, G, R.

    Raises:
        ValueError: an unknown garment, colour or background.

    Example:
        >>> render_photo(np.random.default_rng(1), "dress", "red", background="street").shape
        (320, 240, 3)
    """
    outfit = draw_outfit(rng, garment, colour)
    if not texture:
        outfit = replace(outfit, fabric=replace(outfit.fabric, texture=0.0))
    kind = background or _background_kind(rng, garment)
    scene = draw_background(rng, height, width, kind)
    picture = Picture(height, width)
    view = fit_view(rng, _frame(rng, outfit), height, width, tilt=rng.normal(0, 0.035))
    paint_outfit(Brush(rng, picture, view, outfit.light), outfit)
    return _photograph(rng, scene, picture, kind, camera)


def render_object(
    rng: np.random.Generator,
    name: str | None = None,
    height: int = 320,
    width: int = 240,
    *,
    camera: Camera | None = None,
    background: str | None = None,
) -> Image:
    """Render a photo of an object that is not a garment; what is None is random.

    Args:
        rng: the source of randomness; equal states give equal photos.
        name: one of `OBJECTS`.
        height: pixels.
        width: pixels.
        camera: its exposure, noise and compression.
        background: such as "white" or "street".

    Returns:
        Pixels (height, width, 3) uint8 B, G, R.

    Raises:
        ValueError: an unknown object or background.

    Example:
        >>> render_object(np.random.default_rng(1), "bag").shape
        (320, 240, 3)
    """
    name = name or str(rng.choice(OBJECTS))
    kind = background or _background_kind(rng, "object")
    scene = draw_background(rng, height, width, kind)
    picture = Picture(height, width)
    view = fit_view(rng, _pad(OBJECT_BOX, rng.uniform(0.02, 0.6)), height, width, tilt=rng.normal(0, 0.2))
    paint_object(Brush(rng, picture, view, _object_light(rng)), name)
    return _photograph(rng, scene, picture, kind, camera)


def render_background(rng: np.random.Generator, height: int = 320, width: int = 240) -> Image:
    """Render a photo of a background alone: (height, width, 3) uint8 B, G, R.

    Example:
        >>> render_background(np.random.default_rng(1), 120, 160).shape
        (120, 160, 3)
    """
    return expose(rng, draw_camera(rng), draw_background(rng, height, width, str(rng.choice(KINDS))))


def fit_view(rng: np.random.Generator, box: Box, height: int, width: int, tilt: float = 0.0) -> View:
    """A view in which a box, in heads, fits into a frame and touches two sides of it; its place varies."""
    left, top, right, bottom = box
    scale = min(width / (right - left), height / (bottom - top))
    spare_x, spare_y = width - scale * (right - left), height - scale * (bottom - top)
    x = spare_x * (0.5 + 0.25 * rng.uniform(-1, 1)) - left * scale
    y = spare_y * (0.5 + 0.4 * rng.uniform(-1, 1)) - top * scale
    return View(scale, x, y, tilt)


def _object_light(rng: np.random.Generator) -> Light:
    return Light(rng.uniform(-0.8, 0.8), rng.uniform(0.35, 0.65))


def _frame(rng: np.random.Generator, outfit: Outfit) -> Box:
    """The part of the scene in the photo: the garment, or more of its wearer."""
    left, top, right, bottom = outfit.box()
    margin = rng.uniform(0.02, 0.14) if rng.random() < 0.8 else rng.uniform(-0.06, 0.3)
    if not outfit.figure.solid:
        return _pad((left, top, right, bottom), margin)
    if rng.random() < {"dress": 0.75, "jeans": 0.2, "shirt": 0.04}[outfit.garment]:
        wide = max(right, *(abs(arm.elbow[0]) for arm in outfit.figure.arms))
        return _pad((-wide, FULL_FIGURE[1], wide, FULL_FIGURE[3]), margin / 2)
    head = rng.random() < {"dress": 0.5, "jeans": 0.0, "shirt": 0.4}[outfit.garment]
    if outfit.garment == "jeans":
        top, bottom = top - rng.uniform(0.05, 0.9), max(bottom, 8.0 - rng.uniform(0, 0.3))
    if outfit.garment == "shirt":
        bottom += rng.uniform(-0.2, 0.5)
    return _pad((left, -0.1 if head else top, right, bottom), margin)


def _pad(box: Box, share: float) -> Box:
    """Widen a box by a share of its longer side."""
    left, top, right, bottom = box
    by = share * max(right - left, bottom - top)
    return left - by, top - by, right + by, bottom + by


def _background_kind(rng: np.random.Generator, subject: str) -> str:
    white, busy = BACKGROUND_SHARES[subject]
    draw = rng.random()
    if draw < white:
        return "white"
    return str(rng.choice(tuple(BUSY) if draw < white + busy else ("plain", "gradient")))


def _photograph(rng: np.random.Generator, scene: Field, picture: Picture, kind: str, camera: Camera | None) -> Image:
    """Put the picture and its soft shadow in front of the background, and expose that."""
    depth = rng.uniform(0.0, 0.12) if kind == "white" else rng.uniform(0.1, 0.45)
    height, width = picture.size
    quarter = width // 4, height // 4
    soft = cv2.resize(picture.pixels[3], quarter, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(soft, (0, 0), rng.uniform(1.0, 5.0))
    move = np.array([[1, 0, rng.uniform(-0.04, 0.04) * width / 4], [0, 1, rng.uniform(0, 0.03) * height / 4]])
    scene *= 1 - depth * cv2.resize(cv2.warpAffine(soft, move, quarter), (width, height))
    scene *= 1 - picture.pixels[3]
    scene += picture.pixels[:3]
    return expose(rng, camera or draw_camera(rng, studio=kind in QUIET), scene)
