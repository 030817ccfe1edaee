"""Named colours and the shades in which cloth of that name is sold, with other palettes of the rendered world."""

import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[np.float32]  # (3,) B, G, R, 0..255

# Colour name -> shades as R, G, B. Cloth photographs duller than paint: black is never (0, 0, 0), white never 255.
SHADES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((23, 22, 22), (33, 31, 31), (18, 17, 17), (40, 39, 38), (28, 27, 28)),
    "blue": (
        (32, 62, 178),
        (26, 38, 92),
        (28, 84, 160),
        (92, 150, 214),
        (22, 52, 120),
        (24, 112, 190),
        (60, 96, 190),
        (176, 206, 236),
        (60, 176, 226),
        (28, 30, 58),
        (20, 130, 236),
        (34, 26, 140),
        (120, 166, 206),
    ),
    "red": (
        (200, 24, 36),
        (222, 36, 40),
        (168, 18, 36),
        (236, 52, 50),
        (184, 26, 48),
        (150, 16, 32),
        (214, 14, 20),
        (226, 8, 20),
        (116, 20, 34),
        (206, 72, 72),
        (230, 24, 30),
    ),
    "green": ((34, 120, 62), (20, 84, 54), (70, 150, 70), (110, 130, 60), (26, 140, 100)),
    "white": ((236, 236, 234), (226, 228, 232), (240, 236, 226)),
    "yellow": ((240, 200, 50), (250, 222, 90), (224, 176, 30)),
    "pink": ((236, 140, 170), (244, 176, 196), (226, 88, 144)),
    "purple": ((104, 50, 130), (136, 84, 170), (82, 36, 96)),
    "orange": ((236, 120, 34), (244, 146, 60), (214, 94, 24)),
    "brown": ((104, 68, 44), (132, 92, 62), (82, 54, 40)),
    "grey": ((126, 128, 130), (156, 158, 160), (96, 98, 102)),
    "beige": ((206, 188, 160), (188, 166, 132), (222, 208, 184)),
    "turquoise": ((40, 170, 170), (70, 196, 190), (20, 140, 150)),
}

# Denim of a colour, where it is not simply dyed cloth: indigo from raw to bleached, black from raw to charcoal.
DENIM: dict[str, tuple[tuple[int, int, int], ...]] = {
    "blue": (
        (38, 54, 96),
        (54, 84, 136),
        (80, 116, 164),
        (116, 150, 190),
        (146, 176, 206),
        (28, 36, 66),
        (66, 96, 142),
    ),
    "black": ((24, 24, 25), (34, 33, 34), (20, 19, 19), (44, 43, 44)),
}

SKIN = ((244, 208, 180), (228, 184, 150), (206, 158, 122), (172, 120, 86), (124, 82, 58), (84, 56, 42))
HAIR = ((28, 22, 20), (58, 38, 26), (96, 62, 36), (150, 108, 60), (200, 164, 104), (120, 46, 28), (130, 128, 126))
NEUTRAL = ((236, 236, 234), (150, 150, 152), (214, 200, 176), (112, 96, 80), (84, 84, 86), (190, 192, 196))
# Studio paper and walls: light more often than dark.
PAPER = (
    (236, 236, 236),
    (222, 222, 224),
    (204, 206, 208),
    (214, 206, 194),
    (178, 180, 184),
    (226, 220, 210),
    (96, 96, 100),
)
SHOES = ((24, 22, 22), (86, 56, 38), (230, 228, 224), (196, 160, 124), (60, 60, 66), (160, 24, 30))
MANNEQUIN = ((236, 232, 226), (206, 204, 202), (214, 190, 164), (196, 170, 126), (70, 70, 72))

COLOURS = tuple(SHADES)


def pick(rng: np.random.Generator, palette: tuple[tuple[int, int, int], ...], jitter: float = 0.06) -> Bgr:
    """One colour of a palette, each channel and the whole varied by about `jitter`; (3,) float32 B, G, R."""
    red, green, blue = palette[rng.integers(len(palette))]
    gains = 1 + jitter * (rng.uniform(-1, 1) + 0.5 * rng.uniform(-1, 1, 3))
    return (np.array([blue, green, red]) * gains).clip(8, 248).astype(np.float32)


def cloth_colour(rng: np.random.Generator, colour: str, *, denim: bool = False) -> Bgr:
    """A shade of a named colour; (3,) float32 B, G, R.

    Raises:
        ValueError: a name that is not in `COLOURS`.
    """
    if colour not in SHADES:
        raise ValueError(f"colour {colour!r} is not one of {', '.join(COLOURS)}")
    palette = DENIM.get(colour, SHADES[colour]) if denim else SHADES[colour]
    return pick(rng, palette)
