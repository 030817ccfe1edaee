"""Shirts: T-shirts, polo shirts and buttoned shirts, on a body, empty, or laid flat."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_render.canvas import Picture, Points, ellipse, smooth
from fashion_render.fabric import Fabric, Folds, Light, dress_panel
from fashion_render.panel import Panel, View, symmetric, tube
from fashion_render.person import Arm, Figure, Joint


def paint_sleeve(
    rng: np.random.Generator,
    picture: Picture,
    view: View,
    arm: Arm,
    fabric: Fabric,
    light: Light,
    *,
    reach: float,
    width: float,
    flare: float = 1.0,
) -> None:
    """Lay a sleeve.

    Args:
        rng: the source of randomness.
        picture: where to.
        view: heads to pixels.
        arm: the joints it follows.
        fabric: its cloth.
        light: on it.
        reach: how far it goes, 0 the shoulder, 1 the elbow, 2 the wrist.
        width: half width at the shoulder, heads.
        flare: width at its end against that at the shoulder.
    """
    folds = Folds(crease=0.9, cross=0.5 if reach > 1 else 0.2)
    end = width * flare
    if reach > 1:
        stop = _between(arm.elbow, arm.wrist, reach - 1)
        lower = tube(arm.elbow, stop, (width * 0.82, width * 0.75, end * 0.62), cap=0.0)
        lower = _rounded_start(lower, width * 0.82)
        dress_panel(rng, picture, lower.raster(view, picture.size), fabric, light, folds)
        upper = tube(arm.shoulder, arm.elbow, (width * 0.66, width * 0.95, width * 0.82), cap=0.4)
    else:
        upper = tube(arm.shoulder, _between(arm.shoulder, arm.elbow, reach), (width * 0.66, width * 0.96, end), cap=0.0)
        upper = _rounded_start(upper, 0.6 * width)
    dress_panel(rng, picture, upper.raster(view, picture.size), fabric, light, folds)


def _rounded_start(panel: Panel, radius: float) -> Panel:
    return replace(panel, top=lambda u: -0.45 * radius * np.sqrt(np.maximum(0, 1 - u**2)))


def _between(start: Joint, end: Joint, share: float) -> Joint:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


Array = NDArray[np.float64]

KINDS = ("tee", "vee", "polo", "button")
TOP_Y = 1.4


@dataclass(frozen=True)
class ShirtCut:
    """The pattern of one shirt."""

    kind: str
    long: bool  # sleeves
    hem_y: float
    ease: float  # added to the body's half width, heads
    tucked: bool
    pocket: bool
    badge: str  # none, small, block, bars, disc


def draw_cut(rng: np.random.Generator, figure: Figure) -> ShirtCut:
    """Draw a pattern by lot."""
    kind = str(rng.choice(KINDS, p=(0.42, 0.08, 0.2, 0.3)))
    long = rng.random() < {"tee": 0.12, "vee": 0.15, "polo": 0.06, "button": 0.8}[kind]
    badge = str(rng.choice(("none", "small", "block", "bars", "disc"), p=(0.6, 0.16, 0.08, 0.08, 0.08)))
    return ShirtCut(
        kind=kind,
        long=long,
        hem_y=rng.uniform(3.95, 4.6) - (0.3 if figure.woman else 0.0),
        ease=rng.uniform(0.06, 0.2) if figure.solid else rng.uniform(0.1, 0.26),
        tucked=kind == "button" and figure.solid and rng.random() < 0.25,
        pocket=kind == "button" and rng.random() < 0.5,
        badge=badge if kind in ("tee", "vee") else ("small" if rng.random() < 0.3 else "none"),
    )


def torso_panel(cut: ShirtCut, figure: Figure) -> Panel:
    """From the base of the neck to the hem."""
    slack = cut.ease
    hem = 3.2 if cut.tucked else cut.hem_y
    rows = [(TOP_Y, figure.shoulder), (1.7, figure.shoulder + 0.02), (2.15, figure.bust + slack)]
    rows += [(2.95, figure.waist + 1.1 * slack + 0.03), (hem, max(figure.hip, figure.waist + 0.04) + slack * 0.7)]
    if cut.tucked:
        rows[-2:] = [(2.85, figure.waist + slack + 0.1), (hem, figure.waist + 0.1)]
    rounded = 0.22 if cut.kind == "button" and not cut.tucked else 0.04

    def hem_line(u: Array) -> Array:
        return rounded * (np.cos(u * 2.9) - 1) / 2 + 0.02 * np.sin(9 * u)

    return symmetric(TOP_Y, rows, top=lambda u: neck_line(cut.kind, figure.back, u), hem=hem_line)


def neck_line(kind: str, back: bool, u: Array) -> Array:
    """The top line: offset below the base of the neck, heads, at u."""
    side = np.abs(u)
    slope = 0.17 * np.maximum(0, side - 0.28) / 0.72 + 0.06 * side**10
    depth, width = {"tee": (0.2, 0.34), "vee": (0.5, 0.32), "polo": (0.12, 0.28), "button": (0.1, 0.28)}[kind]
    if back:
        depth = 0.06
    hole = np.clip(1 - side / width, 0, 1)
    shape = hole if kind == "vee" and not back else np.sqrt(np.minimum(1, 1.6 * hole))
    return np.asarray(np.maximum(slope, depth * shape) - 0.02)


def paint_shirt(
    rng: np.random.Generator, picture: Picture, view: View, figure: Figure, cut: ShirtCut, fabric: Fabric, light: Light
) -> None:
    """Sew the shirt onto the picture."""
    if not figure.solid:
        _inner_back(picture, view, figure, cut, fabric)
    reach = rng.uniform(1.85, 2.0) if cut.long else rng.uniform(0.55, 0.8)
    width = (0.24 + 0.4 * cut.ease) * figure.girth**0.5
    for arm in figure.arms:
        flare = 0.78 if cut.long else rng.uniform(0.95, 1.1)
        paint_sleeve(rng, picture, view, arm, fabric, light, reach=reach, width=width, flare=flare)
    panel = torso_panel(cut, figure)
    raster = panel.raster(view, picture.size)
    folds = Folds(crease=rng.uniform(0.3, 1.0), hang=rng.uniform(0.0, 0.25), count=3)
    dress_panel(rng, picture, raster, fabric, light, folds, roundness=0.85 if figure.solid else rng.uniform(0.3, 0.8))
    _seams(picture, view, figure, cut, fabric)
    if not figure.back:
        _front(rng, picture, view, figure, cut, fabric)


def _inner_back(picture: Picture, view: View, figure: Figure, cut: ShirtCut, fabric: Fabric) -> None:
    """The inside of the back, which shows in the neck hole of an empty shirt, with its label."""
    if figure.back:
        return
    wide = 0.3 * figure.shoulder
    deep = 0.3 if cut.kind == "vee" else 0.14
    picture.fill(view.px(ellipse((0.0, TOP_Y + 0.02), (wide * 1.15, deep + 0.08))), fabric.base * np.float32(0.55))
    picture.fill(view.px([(-0.07, TOP_Y + 0.0), (0.07, TOP_Y + 0.0), (0.07, TOP_Y + 0.08), (-0.07, TOP_Y + 0.08)]),
                 np.array([225, 225, 225], np.float32), 0.7)  # fmt: skip


def _seams(picture: Picture, view: View, figure: Figure, cut: ShirtCut, fabric: Fabric) -> None:
    """Armholes and the neckband."""
    dark = fabric.base * np.float32(0.6)
    line = 0.025 * view.scale
    for side in (-1, 1):
        edge = figure.shoulder - 0.03
        armhole = [(side * edge, 1.62), (side * (edge - 0.07), 1.85), (side * (figure.bust + cut.ease * 0.7), 2.25)]
        picture.stroke(view.px(armhole), dark, line, 0.5)
    if cut.kind in ("tee", "vee"):
        u = np.linspace(-0.36, 0.36, 15)
        band = np.stack([u * figure.shoulder, TOP_Y + neck_line(cut.kind, figure.back, u) + 0.03], axis=1)
        picture.stroke(view.px(band), fabric.base * np.float32(0.82), 0.07 * view.scale, 0.9)
        picture.stroke(view.px(band + (0, 0.05)), dark, line * 0.7, 0.6)
    hem = 3.2 if cut.tucked else cut.hem_y
    if cut.kind in ("tee", "vee", "polo"):
        half = max(figure.hip, figure.waist + 0.04) + cut.ease * 0.6
        picture.stroke(view.px([(-half, hem - 0.12), (0, hem - 0.08), (half, hem - 0.12)]), dark, line * 0.7, 0.45)


def _front(
    rng: np.random.Generator, picture: Picture, view: View, figure: Figure, cut: ShirtCut, fabric: Fabric
) -> None:
    """Placket, buttons, collar, pocket and badge."""
    dark, line = fabric.base * np.float32(0.58), 0.025 * view.scale
    hem = 3.2 if cut.tucked else cut.hem_y
    if cut.kind in ("polo", "button"):
        low = 2.15 if cut.kind == "polo" else hem - 0.05
        for x in (-0.06, 0.07):
            picture.stroke(view.px([(x, 1.5), (x, low)]), dark, line, 0.55)
        button = np.array([225, 228, 230], np.float32) if rng.random() < 0.6 else dark
        for y in np.arange(1.68, low, 0.2 if cut.kind == "polo" else 0.38):
            picture.fill(view.px(ellipse((0.005, float(y)), (0.028, 0.028), 8)), button)
        _collar(rng, picture, view, figure, fabric)
    if cut.pocket:
        for side in (1, -1) if rng.random() < 0.3 else (1,):
            x = side * 0.4
            pocket = np.array([(x - 0.17, 2.05), (x + 0.17, 2.05), (x + 0.17, 2.42), (x, 2.48), (x - 0.17, 2.42)])
            picture.stroke(view.px(np.concatenate([pocket, pocket[:1]])), dark, line, 0.6)
    for points in _badge(rng, cut.badge):
        picture.fill(view.px(points), fabric.accent, 0.85)


def _collar(rng: np.random.Generator, picture: Picture, view: View, figure: Figure, fabric: Fabric) -> None:
    """Two leaves folded over; darker edge so that they stand off."""
    spread, drop = rng.uniform(0.26, 0.36), rng.uniform(0.24, 0.34)
    wide = 0.27 * max(figure.shoulder, 0.8)
    cloth = fabric.accent if rng.random() < 0.1 else fabric.base * np.float32(1.04)
    for side in (-1, 1):
        leaf = np.array([
            (side * 0.02, 1.5), (side * wide, 1.3), (side * (wide + 0.07), 1.42), (side * spread, 1.42 + drop),
        ])  # fmt: skip
        picture.fill(view.px(leaf), cloth)
        picture.stroke(view.px(leaf[[0, 3, 2]]), fabric.base * np.float32(0.5), 0.03 * view.scale, 0.7)


def _badge(rng: np.random.Generator, badge: str) -> list[Points]:
    """Printed shapes on the chest, in heads: no letters, since fonts differ between OpenCV versions."""
    if badge == "small":
        return [ellipse((0.38, 2.0), (0.05, 0.06), 10)]
    if badge == "disc":
        return [ellipse((0.0, 2.35), (rng.uniform(0.22, 0.38), rng.uniform(0.22, 0.38)))]
    if badge == "block":
        half, tall = rng.uniform(0.25, 0.42), rng.uniform(0.1, 0.4)
        ragged = rng.uniform(-0.05, 0.05, (8, 2))
        corners = [(-1, -1), (-0.3, -1), (0.4, -1), (1, -1), (1, 1), (0.3, 1), (-0.4, 1), (-1, 1)]
        return [smooth(np.array(corners) * (half, tall) + ragged + (0.0, 2.35), 4)]
    if badge == "bars":
        rows = np.arange(2.1, 2.1 + 0.14 * rng.integers(2, 5), 0.14)
        ends = rng.uniform(0.15, 0.45, (len(rows), 2))
        return [
            np.array([(-a, y), (b, y), (b, y + 0.07), (-a, y + 0.07)]) for y, (a, b) in zip(rows, ends, strict=True)
        ]
    return []
