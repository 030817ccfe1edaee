"""What a camera does to a scene: exposure, white balance, lens, sensor noise, JPEG."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_edge.render.background import blurred
from fashion_edge.render.picture import to_image

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
    cv2 = load_cv2()
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
