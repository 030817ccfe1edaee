"""Jeans: skinny to flared, raw to bleached, with seams, pockets, rips and cuffs."""

from dataclasses import dataclass

import numpy as np

from fashion_render.canvas import Picture, PictureField, Raster, smooth
from fashion_render.fabric import Fabric, Folds, Light, dress_panel
from fashion_render.panel import Panel, View
from fashion_render.person import Figure, Leg

CUTS = ("skinny", "straight", "bootcut", "flared", "baggy")
# Half widths, heads: thigh, knee, calf, hem.
LEG_WIDTHS = {
    "skinny": (0.35, 0.22, 0.215, 0.14),
    "straight": (0.37, 0.28, 0.265, 0.235),
    "bootcut": (0.35, 0.24, 0.25, 0.3),
    "flared": (0.36, 0.24, 0.32, 0.46),
    "baggy": (0.4, 0.34, 0.33, 0.3),
}
THREADS = ((60, 130, 200), (40, 100, 170), (150, 170, 180))  # stitching, B, G, R


@dataclass(frozen=True)
class JeansCut:
    """The pattern of one pair of jeans."""

    cut: str
    waist_y: float
    hem_y: float
    fade: float  # 0 raw .. 1 strongly washed out
    rips: int  # on each leg
    cuff: bool
    thread: tuple[int, int, int] | None  # None: stitched in its own colour


def draw_cut(rng: np.random.Generator, colour: str) -> JeansCut:
    """Draw a pattern by lot. Only blue is washed out much; black keeps its dye."""
    cut = str(rng.choice(CUTS, p=(0.4, 0.28, 0.12, 0.1, 0.1)))
    washed = rng.random() < (0.7 if colour == "blue" else 0.3)
    return JeansCut(
        cut=cut,
        waist_y=rng.uniform(3.05, 3.35),
        hem_y=rng.uniform(7.1, 7.55) if cut in ("skinny", "straight") else rng.uniform(7.45, 7.7),
        fade=rng.uniform(0.15, 0.6 if colour == "blue" else 0.3) if washed else rng.uniform(0.0, 0.08),
        rips=int(rng.integers(1, 5)) if rng.random() < 0.22 else 0,
        cuff=cut in ("straight", "baggy", "skinny") and rng.random() < 0.2,
        thread=THREADS[rng.integers(3)] if rng.random() < (0.75 if colour == "blue" else 0.2) else None,
    )


def leg_panel(cut: JeansCut, figure: Figure, leg: Leg, side: int) -> Panel:
    """One leg from waist to hem; both meet in the seam at x = 0 above the crotch."""
    thigh, knee, calf, hem = (w * figure.girth**0.7 for w in LEG_WIDTHS[cut.cut])
    outer_waist, outer_hip = figure.waist + 0.12, figure.hip + 0.03
    rows = [
        (cut.waist_y, 0.0, outer_waist),
        (3.75, -0.005, outer_hip),
        (4.12, 0.03, outer_hip),
        (
            5.0,
            side * (0.5 * leg.hip + 0.5 * leg.knee) - 0.82 * thigh,
            side * (0.5 * leg.hip + 0.5 * leg.knee) + 0.9 * thigh,
        ),
        (5.85, side * leg.knee - knee, side * leg.knee + knee),
        (6.5, side * (0.6 * leg.knee + 0.4 * leg.ankle) - calf, side * (0.6 * leg.knee + 0.4 * leg.ankle) + calf),
        (cut.hem_y, side * leg.ankle - hem, side * leg.ankle + hem),
    ]
    span = cut.hem_y - cut.waist_y
    at = [(y - cut.waist_y) / span for y, _, _ in rows]
    inner, outer = [side * a for _, a, _ in rows], [side * b for _, _, b in rows]
    left, right = (inner, outer) if side > 0 else (outer, inner)
    return Panel((0.0, cut.waist_y), (0.0, cut.hem_y), at, left, right, hem=lambda u: 0.05 * np.sqrt(1 - 0.98 * u**2))


def paint_jeans(
    rng: np.random.Generator, picture: Picture, view: View, figure: Figure, cut: JeansCut, fabric: Fabric, light: Light
) -> None:
    """Sew the jeans onto the picture."""
    panels = [leg_panel(cut, figure, leg, side) for leg, side in zip(figure.legs, (-1, 1), strict=True)]
    folds = Folds(crease=rng.uniform(0.3, 0.8), cross=rng.uniform(0.2, 0.6))
    behind = int(rng.integers(2))  # the leg that stands behind is drawn first and catches less light
    for order, index in enumerate((behind, 1 - behind)):
        raster = panels[index].raster(view, picture.size)
        if not raster.mask.size:
            continue
        shade = dress_panel(rng, picture, raster, fabric, light, folds)
        _wash(picture, raster, fabric, cut, shade)
        _rips(rng, picture, view, panels[index], figure, cut, fabric)
        if order == 0:
            picture.lay(raster.top, raster.left, raster.mask * np.float32(0.12), fabric.base * np.float32(0.3))
        _leg_seams(picture, view, panels[index], cut, fabric)
    _waist(rng, picture, view, figure, cut, fabric, _half_width(panels[1], 0.15))


def _wash(picture: Picture, raster: Raster, fabric: Fabric, cut: JeansCut, shade: PictureField) -> None:
    """Bleach the front of thighs and knees, where denim wears first."""
    if cut.fade < 0.02:
        return
    v = raster.v
    worn = np.exp(-(((v - np.float32(0.34)) / np.float32(0.2)) ** 2))
    worn += np.float32(0.6) * np.exp(-(((v - np.float32(0.66)) / np.float32(0.1)) ** 2))
    worn = worn * np.exp(-((raster.u / np.float32(0.5)) ** 2))
    pale = fabric.base + np.float32(0.55) * (np.array([215, 205, 195], np.float32) - fabric.base)
    picture.lay(
        raster.top, raster.left, (raster.mask * worn * np.float32(cut.fade)).clip(0, 1), pale[:, None, None] * shade
    )


def _rips(
    rng: np.random.Generator,
    picture: Picture,
    view: View,
    panel: Panel,
    figure: Figure,
    cut: JeansCut,
    fabric: Fabric,
) -> None:
    """Frayed holes across the thigh and the knee, with pale threads in them."""
    inside = figure.skin * np.float32(0.9) if figure.solid else fabric.base * np.float32(0.55)
    thread = np.array([225, 225, 228], np.float32)
    for _ in range(cut.rips):
        v, width = rng.uniform(0.3, 0.72), rng.uniform(0.3, 0.75)
        left, right = (float(edge[0]) for edge in panel.edges(np.array([v])))
        middle, half, y = (left + right) / 2, (right - left) / 2 * width, v * panel.length()
        tall = rng.uniform(0.03, 0.12)
        across = middle + half * np.array([-1, -0.5, 0.2, 1, 0.6, -0.3])
        along = y + tall * np.array([0, -1, -0.8, 0.1, 0.9, 1])
        picture.fill(smooth(view.px(panel.place(across, along)), 4), inside if rng.random() < 0.6 else thread, 0.92)
        for offset in rng.uniform(-1, 1, 4):
            line = panel.place(middle + half * np.array([-0.9, 0.9]), np.array([y + tall * offset, y + tall * offset]))
            picture.stroke(view.px(line), thread, 0.02 * view.scale, 0.7)


def _leg_seams(picture: Picture, view: View, panel: Panel, cut: JeansCut, fabric: Fabric) -> None:
    length = panel.length()
    along = np.linspace(0.05, 0.99, 24)
    left, right = panel.edges(along)
    dark = fabric.base * np.float32(0.55)
    for share in (0.06, 0.95):
        line = panel.place(left + share * (right - left), along * length)
        picture.stroke(view.px(line), dark, 0.02 * view.scale, 0.5)
    top = length - (0.3 if cut.cuff else 0.07)
    ends = np.linspace(-1, 1, 9)
    first, last = (float(edge[0]) for edge in panel.edges(np.array([1.0])))
    across = (first + last) / 2 + ends * (last - first) / 2
    sag = 0.05 * np.sqrt(1 - 0.98 * ends**2)
    if cut.cuff:
        upper, lower = panel.place(across, top + sag), panel.place(across, length + sag)
        pale = fabric.base + np.float32(0.35) * (np.float32(190) - fabric.base)
        picture.fill(view.px(np.concatenate([upper, lower[::-1]])), pale)
    else:
        picture.stroke(view.px(panel.place(across, top + sag)), _thread(cut, fabric), 0.02 * view.scale, 0.6)


def _thread(cut: JeansCut, fabric: Fabric) -> PictureField:
    return np.array(cut.thread, np.float32) if cut.thread else (fabric.base * np.float32(0.6)).astype(np.float32)


def _half_width(panel: Panel, below: float) -> float:
    """Half width of both legs together, so far below the waist."""
    left, right = panel.edges(np.array([below / panel.length()]))
    return float(max(-left[0], right[0]))


def _waist(
    rng: np.random.Generator,
    picture: Picture,
    view: View,
    figure: Figure,
    cut: JeansCut,
    fabric: Fabric,
    below: float,
) -> None:
    """Waistband, loops, button, fly and pockets; seen from behind yoke, patch and back pockets."""
    half, y = figure.waist + 0.12, cut.waist_y
    thread, dark = _thread(cut, fabric), fabric.base * np.float32(0.62)
    line = 0.025 * view.scale
    dip = 0.05 if not figure.back else -0.03
    arc = np.linspace(-1, 1, 11)
    upper = np.stack([arc * half, y - 0.02 + dip * (1 - arc**2)], axis=1)
    lower = np.stack([arc * (below + 0.01), y + 0.15 + dip * (1 - arc**2)], axis=1)
    belt = rng.random() < 0.2
    strap = np.array([40, 60, 90], np.float32) * np.float32(rng.uniform(0.4, 1.4))
    picture.fill(view.px(np.concatenate([upper, lower[::-1]])), strap if belt else fabric.base * np.float32(0.92), 0.95)
    picture.stroke(view.px(lower), thread if not belt else dark, line, 0.8)
    for x in (-0.62, -0.25, 0.25, 0.62):
        picture.stroke(view.px([(x * half, y - 0.01), (x * half, y + 0.17)]), dark, 0.05 * view.scale, 0.8)
    if figure.back:
        picture.stroke(view.px([(-half, y + 0.3), (0, y + 0.55), (half, y + 0.3)]), thread, line, 0.7)
        picture.fill(view.px([(0.4 * half, y), (0.75 * half, y), (0.75 * half, y + 0.14), (0.4 * half, y + 0.14)]),
                     np.array([70, 110, 160], np.float32))  # fmt: skip
        for side in (-1, 1):
            x, top = side * 0.36, y + 0.5
            pocket = np.array(
                [(x - 0.2, top), (x + 0.2, top), (x + 0.19, top + 0.4), (x, top + 0.5), (x - 0.19, top + 0.4)]
            )
            picture.fill(view.px(pocket), fabric.base * np.float32(1.06), 0.5)
            picture.stroke(view.px(np.concatenate([pocket, pocket[:1]])), thread, line, 0.7)
        return
    for side in (-1, 1):
        slant = [(side * 0.5 * half, y + 0.17), (side * 0.58 * half, y + 0.36), (side * (below - 0.01), y + 0.46)]
        picture.stroke(view.px(slant), dark, 2 * line, 0.5)
        picture.stroke(view.px(slant), thread, line, 0.8)
    fly = [(0.16, y + 0.17), (0.16, y + 0.5), (0.1, y + 0.68), (0.0, y + 0.78)]
    picture.stroke(view.px(fly), thread, line, 0.8)
    picture.stroke(view.px([(0.0, y + 0.15), (0.0, 4.1)]), dark, line, 0.7)
    picture.fill(view.px([(-0.045, y + 0.04), (0.045, y + 0.04), (0.045, y + 0.12), (-0.045, y + 0.12)]),
                 np.array([150, 170, 180], np.float32))  # fmt: skip
    _whiskers(rng, picture, view, cut, fabric)


def _whiskers(rng: np.random.Generator, picture: Picture, view: View, cut: JeansCut, fabric: Fabric) -> None:
    """The fan of creases at the crotch, paler where the denim is washed."""
    pale = cut.fade > 0.1
    colour = fabric.base + np.float32(0.5) * (np.float32(200) - fabric.base) if pale else fabric.base * np.float32(0.6)
    for side in (-1, 1):
        for _ in range(3):
            rise = rng.uniform(-0.25, 0.25)
            line = [(side * 0.1, 4.05 + 0.3 * rise), (side * rng.uniform(0.35, 0.62), 3.85 + rise)]
            picture.stroke(view.px(line), colour, 0.05 * view.scale, 0.25 if pale else 0.4)


def denim(rng: np.random.Generator, base: PictureField) -> Fabric:
    """Twill of that dye: streaks along the leg, coarse grain, no shine."""
    accent = base + np.float32(0.3) * (np.float32(210) - base)
    dark = float(base.mean()) < 60
    return Fabric(
        base, accent, "plain" if dark else "denim", sheen=0.12 if dark else 0.04, texture=rng.uniform(0.02, 0.06)
    )
