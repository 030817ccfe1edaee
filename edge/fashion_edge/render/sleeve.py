"""Sleeves, for dresses and shirts: a tube along the arm, bent at the elbow when it reaches that far."""

from dataclasses import replace

import numpy as np

from fashion_edge.render.body import Arm, Joint
from fashion_edge.render.fabric import Fabric, Folds, Light, dress_panel
from fashion_edge.render.panel import Panel, View, tube
from fashion_edge.render.picture import Picture


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
