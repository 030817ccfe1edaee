"""Write docs/images/demo.gif, the demo of `fashion-edge` with its labels, and overlay.png, one frame of it.

make pictures
"""

from itertools import islice
from pathlib import Path

from PIL import Image

from fashion_edge import Classifier, Result
from fashion_edge.overlay import ASH, GREEN, GREY, WHITE, draw_result
from fashion_render.demo import ACT_SECONDS, FPS

OUT = Path(__file__).parent / "images"
STILL_ACT, STILL_COLOURS = 9, 250  # of overlay.png
SIZE = (480, 360)
ACTS = (0, 1, 5, 7, 8, 9)  # with smooth backgrounds, which compress well
START_S, END_S = 0.8, 2.0  # part of each act, after the smoothed scores of the act before have faded
EVERY = 3  # frames of the demo for each frame of the picture, which then shows 10 a second
COLOURS = 48  # of the palette of an act
INK = [*WHITE, *ASH[::-1], *GREEN[::-1], *GREY[::-1]]  # added to it: text and bars, R, G, B


def annotate(result: Result) -> Image.Image:
    """Draw labels and scores in full size."""
    draw_result(result)
    return Image.fromarray(result.frame.image[:, :, ::-1])


def shrink(frame: Image.Image) -> Image.Image:
    """Return the frame in the size of the animation."""
    return frame.resize(SIZE, Image.Resampling.LANCZOS)


def quantize(frames: list[Image.Image], colours: int = COLOURS) -> list[Image.Image]:
    """Reduce the frames of an act to one palette, without dithering, which would flicker."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for place, frame in enumerate(frames):
        strip.paste(frame, (0, height * place))
    palette = strip.quantize(colours, method=Image.Quantize.MEDIANCUT)
    palette.putpalette((palette.getpalette() or [])[: 3 * colours] + INK)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def main() -> None:
    """Write animation and picture, and print their sizes."""
    acts: dict[int, list[Image.Image]] = {act: [] for act in ACTS}
    with Classifier.load("shipped").stream("demo", every_frame=True) as results:
        for result in islice(results, round((ACTS[-1] + 1) * ACT_SECONDS * FPS)):
            act, frame = divmod(result.frame.index, round(ACT_SECONDS * FPS))
            if act in acts and START_S <= frame / FPS < END_S and frame % EVERY == 0:
                acts[act].append(annotate(result))
    (still,) = quantize(acts[STILL_ACT][-1:], STILL_COLOURS)
    still.save(OUT / "overlay.png", optimize=True)
    first, *rest = [frame for act in acts.values() for frame in quantize([shrink(frame) for frame in act])]
    first.save(OUT / "demo.gif", save_all=True, append_images=rest, duration=round(1000 * EVERY / FPS), loop=0)
    for path in (OUT / "demo.gif", OUT / "overlay.png"):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
