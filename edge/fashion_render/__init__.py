"""The rendered world: garments and things drawn by a seeded program, with their labels known.

    rng = np.random.default_rng(1)
    photo = render_photo(rng, "dress", "red")          # (320, 240, 3) uint8 B, G, R

Same seed, same picture, on every machine of one OpenCV and numpy version.
"""

from fashion_render.colours import COLOURS
from fashion_render.dataset import COMBINATIONS, render_dataset, render_negatives
from fashion_render.demo import DemoScene, write_clip
from fashion_render.golden import golden_frames
from fashion_render.objects import OBJECTS
from fashion_render.outfit import GARMENTS
from fashion_render.scene import render_background, render_garment, render_object, render_photo

__all__ = [
    "COLOURS",
    "COMBINATIONS",
    "GARMENTS",
    "OBJECTS",
    "DemoScene",
    "golden_frames",
    "render_background",
    "render_dataset",
    "render_garment",
    "render_negatives",
    "render_object",
    "render_photo",
    "write_clip",
]
