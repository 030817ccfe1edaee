"""A garment and its wearer: drawn at random for a garment and a colour, then painted from back to front."""

from dataclasses import dataclass

import numpy as np

from fashion_render import person
from fashion_render.canvas import Box
from fashion_render.dress import Dress, draw_dress
from fashion_render.fabric import NEUTRAL, SHADES, Bgr, Brush, Fabric, Light, cloth_colour, pick, tone
from fashion_render.jeans import Jeans, denim, draw_jeans
from fashion_render.person import Figure
from fashion_render.shirt import Shirt, draw_shirt

GARMENTS = ("dress", "jeans", "shirt")
WEARER_SHARES = {"dress": (0.66, 0.14, 0.2, 0.0), "jeans": (0.64, 0.08, 0.28, 0.0), "shirt": (0.34, 0.08, 0.2, 0.38)}
PRINTS = {"dress": ("floral", "stripes", "check"), "shirt": ("stripes", "stripes", "check", "check", "floral")}


@dataclass(frozen=True)
class Outfit:
    """One garment on one wearer."""

    garment: str
    colour: str
    figure: Figure
    cut: Dress | Jeans | Shirt
    fabric: Fabric
    light: Light

    def box(self) -> Box:
        """Where the garment is: left, top, right, bottom in heads."""
        return self.cut.box(self.figure)


def draw_outfit(
    rng: np.random.Generator, garment: str, colour: str, *, wearer: str | None = None, plain: bool = False
) -> Outfit:
    """Draw a random wearer, cut and cloth; a plain outfit has no print.

    Raises:
        ValueError: an unknown garment, colour or wearer.
    """
    for kind, value, known in (("garment", garment, GARMENTS), ("wearer", wearer, (None, *person.WEARERS))):
        if value not in known:
            raise ValueError(f"{kind} {value!r} is not one of {', '.join(filter(None, known))}")
    base = cloth_colour(rng, colour, denim=garment == "jeans")
    who = wearer or str(rng.choice(person.WEARERS, p=WEARER_SHARES[garment]))
    woman = garment == "dress" or rng.random() < (0.55 if garment == "jeans" else 0.3)
    back = garment != "dress" and rng.random() < 0.15
    figure = person.draw_figure(rng, who, woman=woman, back=back)
    light = Light(side=rng.uniform(-0.8, 0.8), ambient=rng.uniform(0.4, 0.72))
    if garment == "jeans":
        return Outfit(garment, colour, figure, draw_jeans(rng, colour), denim(rng, base), light)
    fabric = _cloth(rng, garment, colour, base, plain=plain)
    cut = draw_dress(rng) if garment == "dress" else draw_shirt(rng, figure)
    return Outfit(garment, colour, figure, cut, fabric, light)


def _cloth(rng: np.random.Generator, garment: str, colour: str, base: Bgr, *, plain: bool) -> Fabric:
    pattern = str(rng.choice(PRINTS[garment])) if rng.random() < 0.18 and not plain else "plain"
    accent = pick(rng, SHADES["white"] if rng.random() < 0.7 and colour != "white" else NEUTRAL[1:])
    if pattern == "check" and rng.random() < 0.6:
        accent = base * 0.25
    sheen = rng.uniform(0.3, 1.0) if garment == "dress" and rng.random() < 0.35 else rng.uniform(0.02, 0.2)
    return Fabric(base, accent, pattern, sheen, texture=rng.uniform(0.01, 0.04), period=rng.uniform(0.14, 0.34))


def paint_outfit(brush: Brush, outfit: Outfit) -> None:
    """Paint the wearer and the clothes, from back to front."""
    rng, figure = brush.rng, outfit.figure
    hair = rng.uniform(1.1, 2.4) if figure.woman and figure.wearer == "person" and rng.random() < 0.75 else 0.0
    if hair and not figure.back:
        person.paint_long_hair(brush, figure, hair)
    if figure.solid:
        person.paint_body(brush, figure)
        if outfit.garment == "shirt":
            _paint_other_bottom(brush, outfit)
        person.paint_arms(brush, figure)
        if outfit.garment == "jeans":
            _paint_other_top(brush, outfit)
    elif figure.wearer == "flat" and rng.random() < 0.3:  # a hanger
        brush.stroke([(0.0, 1.42), (0.0, 1.2), (0.12, 1.1), (0.1, 0.95), (-0.06, 0.94)], tone(125), 0.05)
    outfit.cut.paint(brush, figure, outfit.fabric)
    if figure.solid:
        person.paint_head(brush, figure)
        if hair and figure.back:
            person.paint_long_hair(brush, figure, min(hair, 1.7))


def _other_colour(rng: np.random.Generator, names: tuple[str, ...], colour: str) -> Bgr:
    others = [name for name in names if name != colour]
    return pick(rng, SHADES[others[rng.integers(len(others))]])


def _paint_other_top(brush: Brush, outfit: Outfit) -> None:
    """A T-shirt above the jeans, never of their colour."""
    rng = brush.rng
    base = _other_colour(rng, ("white", "grey", "black", "pink", "yellow", "green"), outfit.colour)
    top = Shirt("tee", rng.random() < 0.5, rng.uniform(3.15, 3.6), rng.uniform(0.02, 0.12))
    top.paint(brush, outfit.figure, Fabric(base, base * 0.6, "stripes" if rng.random() < 0.15 else "plain"))


def _paint_other_bottom(brush: Brush, outfit: Outfit) -> None:
    """Trousers below the shirt, never of its colour."""
    base = _other_colour(brush.rng, ("grey", "beige", "black", "white"), outfit.colour)
    cloth = Fabric(base, base, texture=0.03)
    Jeans("straight", 3.0, 7.5).paint(brush, outfit.figure, cloth)
