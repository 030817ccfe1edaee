"""Write docs/images/demo.gif: the demo of `fashion-edge` with its labels, a second of some of its acts.

make pictures
"""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from PIL import Image

from fashion_edge import Classifier, Result
from fashion_edge.overlay import GREEN, WHITE, draw_result
from fashion_render.demo import ACT_SECONDS, FPS

OUT = Path(__file__).parent / "images" / "demo.gif"
SIZE = (480, 360)
ACTS = (0, 1, 5, 7, 8, 9)  # with smooth backgrounds, which compress well
START_S, END_S = 0.8, 2.0  # part of each act, after the smoothed scores of the act before have faded
EVERY = 3  # frames of the demo for each frame of the picture, which then shows 10 a second
COLOURS = 48  # of the palette of an act
INK = [*WHITE, *GREEN]  # added to it: text and bars


def annotate(result: Result) -> Image.Image:
    """Draw labels and scores; without the frame rate, which is that of this machine at full speed."""
    draw_result(replace(result, vitals=None))
    return Image.fromarray(result.frame.image[:, :, ::-1]).resize(SIZE, Image.Resampling.LANCZOS)


def quantize(frames: list[Image.Image]) -> list[Image.Image]:
    """Reduce the frames of an act to one palette, without dithering, which would flicker."""
    strip = Image.new("RGB", (SIZE[0], SIZE[1] * len(frames)))
    for place, frame in enumerate(frames):
        strip.paste(frame, (0, SIZE[1] * place))
    palette = strip.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    palette.putpalette((palette.getpalette() or [])[: 3 * COLOURS] + INK)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def main() -> None:
    """Write the animation, and print its size."""
    acts: dict[int, list[Image.Image]] = {act: [] for act in ACTS}
    with Classifier.load("shipped").stream("demo", every_frame=True) as results:
        for result in islice(results, round((ACTS[-1] + 1) * ACT_SECONDS * FPS)):
            act, frame = divmod(result.frame.index, round(ACT_SECONDS * FPS))
            if act in acts and START_S <= frame / FPS < END_S and frame % EVERY == 0:
                acts[act].append(annotate(result))
    first, *rest = [frame for act in acts.values() for frame in quantize(act)]
    first.save(OUT, save_all=True, append_images=rest, duration=round(1000 * EVERY / FPS), loop=0)
    print(f"{OUT.name}: {1 + len(rest)} frames, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
