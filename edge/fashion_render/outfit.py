"""A garment and who wears it: drawn by lot from a name and a colour, then painted from back to front."""

from dataclasses import dataclass

import numpy as np

from fashion_render import dress, jeans, person, shirt
from fashion_render.canvas import Picture
from fashion_render.colours import NEUTRAL, SHADES, cloth_colour, pick
from fashion_render.fabric import Fabric, Folds, Light, dress_panel
from fashion_render.panel import View, symmetric
from fashion_render.person import Figure

GARMENTS = ("dress", "jeans", "shirt")
PRINT_CHANCE = {"dress": 0.18, "shirt": 0.22}

Box = tuple[float, float, float, float]  # left, top, right, bottom in heads
Cut = dress.DressCut | jeans.JeansCut | shirt.ShirtCut


@dataclass(frozen=True)
class GarmentSpec:
    """What to render; the rest is drawn by lot."""

    garment: str
    colour: str
    wearer: str | None = None  # one of body.WEARERS
    plain: bool = False  # without a print


@dataclass(frozen=True)
class Outfit:
    """Everything that was drawn for one garment."""

    spec: GarmentSpec
    figure: Figure
    cut: Cut
    fabric: Fabric
    light: Light

    def box(self) -> Box:
        """Where the garment is, heads."""
        figure = self.figure
        if isinstance(self.cut, dress.DressCut):
            wide = dress.half_width_bounds(self.cut, figure) + 0.1
            arms = max((abs(arm.elbow[0]) for arm in figure.arms), default=0.0) if self.cut.sleeve == "long" else 0.0
            return -max(wide, arms), 1.4, max(wide, arms), self.cut.hem_y + 0.1
        if isinstance(self.cut, jeans.JeansCut):
            reach = max(abs(leg.ankle) for leg in figure.legs) + jeans.LEG_WIDTHS[self.cut.cut][3]
            wide = max(figure.hip + 0.1, reach)
            return -wide, self.cut.waist_y - 0.05, wide, self.cut.hem_y + 0.1
        end = 2 if self.cut.long else 0.75
        tips = [abs(a.wrist[0]) if end == 2 else abs(a.shoulder[0] * 0.3 + a.elbow[0] * 0.7) for a in figure.arms]
        wide = max(*tips, figure.shoulder) + 0.25
        low = max(self.cut.hem_y, *(arm.wrist[1] for arm in figure.arms)) if self.cut.long else self.cut.hem_y
        return -wide, 1.25, wide, low + 0.1


def draw_outfit(rng: np.random.Generator, spec: GarmentSpec) -> Outfit:
    """Draw wearer, cut and cloth by lot.

    Raises:
        ValueError: a garment, colour or wearer that is not known.
    """
    if spec.garment not in GARMENTS:
        raise ValueError(f"garment {spec.garment!r} is not one of {', '.join(GARMENTS)}")
    if spec.wearer is not None and spec.wearer not in person.WEARERS:
        raise ValueError(f"wearer {spec.wearer!r} is not one of {', '.join(person.WEARERS)}")
    shares = {"dress": (0.66, 0.14, 0.2, 0.0), "jeans": (0.64, 0.08, 0.28, 0.0), "shirt": (0.34, 0.08, 0.2, 0.38)}
    wearer = spec.wearer or str(rng.choice(person.WEARERS, p=shares[spec.garment]))
    woman = spec.garment == "dress" or rng.random() < (0.55 if spec.garment == "jeans" else 0.3)
    back = spec.garment != "dress" and rng.random() < 0.15
    figure = person.draw_figure(rng, wearer, woman=woman, back=back)
    light = Light(side=rng.uniform(-0.8, 0.8), ambient=rng.uniform(0.4, 0.72))
    base = cloth_colour(rng, spec.colour, denim=spec.garment == "jeans")
    if spec.garment == "jeans":
        return Outfit(spec, figure, jeans.draw_cut(rng, spec.colour), jeans.denim(rng, base), light)
    fabric = _cloth(rng, spec, base)
    cut: Cut = dress.draw_cut(rng) if spec.garment == "dress" else shirt.draw_cut(rng, figure)
    return Outfit(spec, figure, cut, fabric, light)


def _cloth(rng: np.random.Generator, spec: GarmentSpec, base: np.ndarray) -> Fabric:
    printed = rng.random() < PRINT_CHANCE[spec.garment] and not spec.plain
    kinds = ("dots", "floral", "lace", "stripes", "check") if spec.garment == "dress" else (
        "stripes", "stripes", "pinstripes", "check", "check", "floral")  # fmt: skip
    accent = pick(rng, SHADES["white"] if rng.random() < 0.7 or spec.colour == "white" else NEUTRAL)
    if spec.colour == "white":
        accent = pick(rng, NEUTRAL[1:])
    pattern = str(rng.choice(kinds)) if printed else "plain"
    if pattern == "check" and rng.random() < 0.6:
        accent = base * np.float32(0.25)
    sheen = rng.uniform(0.3, 1.0) if spec.garment == "dress" and rng.random() < 0.35 else rng.uniform(0.02, 0.2)
    return Fabric(base, accent, pattern, sheen, texture=rng.uniform(0.01, 0.04), period=rng.uniform(0.14, 0.34))


def paint_outfit(rng: np.random.Generator, picture: Picture, view: View, outfit: Outfit) -> None:
    """Paint the wearer and what is worn, from back to front."""
    figure, light = outfit.figure, outfit.light
    hair = rng.uniform(1.1, 2.4) if figure.woman and figure.wearer == "person" and rng.random() < 0.75 else 0.0
    if hair and not figure.back:
        person.paint_hair_behind(picture, view, figure, hair)
    if figure.solid:
        person.paint_body(picture, view, figure, light)
        if isinstance(outfit.cut, jeans.JeansCut):
            _other_top(rng, picture, view, outfit)
        elif isinstance(outfit.cut, shirt.ShirtCut):
            _other_bottom(rng, picture, view, outfit)
        for arm in figure.arms:
            person.paint_arm(picture, view, arm, figure, light)
    elif figure.wearer == "flat" and rng.random() < 0.3:
        _hanger(picture, view)
    _paint_garment(rng, picture, view, outfit)
    if figure.solid:
        person.paint_head(picture, view, figure, light)
        if hair and figure.back:
            person.paint_hair_behind(picture, view, figure, min(hair, 1.7))


def _paint_garment(rng: np.random.Generator, picture: Picture, view: View, outfit: Outfit) -> None:
    arguments = (rng, picture, view, outfit.figure)
    match outfit.cut:
        case dress.DressCut():
            dress.paint_dress(*arguments, outfit.cut, outfit.fabric, outfit.light)
        case jeans.JeansCut():
            jeans.paint_jeans(*arguments, outfit.cut, outfit.fabric, outfit.light)
        case shirt.ShirtCut():
            shirt.paint_shirt(*arguments, outfit.cut, outfit.fabric, outfit.light)


def _other_top(rng: np.random.Generator, picture: Picture, view: View, outfit: Outfit) -> None:
    """A plain top above the jeans, loose or cropped, never of the colour that is asked for."""
    figure = outfit.figure
    names = [name for name in ("white", "grey", "black", "pink", "yellow", "green") if name != outfit.spec.colour]
    base = pick(rng, SHADES[names[rng.integers(len(names))]])
    cut = shirt.ShirtCut(
        "tee", rng.random() < 0.5, rng.uniform(3.15, 3.6), rng.uniform(0.02, 0.12), False, False, "none"
    )
    cloth = Fabric(base, base * np.float32(0.6), "stripes" if rng.random() < 0.15 else "plain")
    for arm in figure.arms:
        person.paint_arm(picture, view, arm, figure, outfit.light)
    shirt.paint_shirt(rng, picture, view, figure, cut, cloth, outfit.light)


def _other_bottom(rng: np.random.Generator, picture: Picture, view: View, outfit: Outfit) -> None:
    """Trousers or a skirt below the shirt, in a colour that is not the shirt's."""
    figure = outfit.figure
    names = [name for name in ("grey", "beige", "black", "white") if name != outfit.spec.colour]
    base = pick(rng, SHADES[names[rng.integers(len(names))]])
    cloth = Fabric(base, base, texture=0.03)
    if figure.woman and rng.random() < 0.3:
        skirt = symmetric(
            2.9, [(2.9, figure.waist + 0.03), (3.7, figure.hip + 0.05), (rng.uniform(5, 6), figure.hip + 0.2)]
        )
        raster = skirt.raster(view, picture.size)
        dress_panel(rng, picture, raster, cloth, outfit.light, Folds(hang=0.4))
        return
    cut = jeans.JeansCut("straight", 3.0, 7.5, 0.0, 0, False, None)
    jeans.paint_jeans(rng, picture, view, figure, cut, cloth, outfit.light)


def _hanger(picture: Picture, view: View) -> None:
    wire = np.array([120, 125, 130], np.float32)
    hook = [(0.0, 1.42), (0.0, 1.2), (0.12, 1.1), (0.1, 0.95), (-0.06, 0.94)]
    picture.stroke(view.px(hook), wire, 0.05 * view.scale)
    picture.stroke(view.px([(-0.8, 1.62), (0.0, 1.38), (0.8, 1.62)]), wire * np.float32(0.8), 0.08 * view.scale)
