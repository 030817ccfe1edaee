"""Rendered pictures of garments and other objects, with known labels and without a photo.

They are the `demo` source of `fashion-edge`, the training data of `fashion-train` when there are no photos, and the
golden frames of a bundle. The same seed gives the same picture with the same versions of OpenCV and NumPy.

Example:
    >>> import numpy as np
    >>> from fashion_render import render_photo
    >>> photo = render_photo(np.random.default_rng(1), "dress", "red")
    >>> photo.shape, photo.dtype  # B, G, R
    ((320, 240, 3), dtype('uint8'))
"""

from fashion_render.dataset import COMBINATIONS, golden_frames, render_dataset
from fashion_render.demo import DemoScene, write_clip
from fashion_render.fabric import COLOURS
from fashion_render.objects import OBJECTS
from fashion_render.outfit import GARMENTS
from fashion_render.scene import Camera, render_background, render_object, render_photo

__all__ = [
    "COLOURS",
    "COMBINATIONS",
    "GARMENTS",
    "OBJECTS",
    "Camera",
    "DemoScene",
    "golden_frames",
    "render_background",
    "render_dataset",
    "render_object",
    "render_photo",
    "write_clip",
]
