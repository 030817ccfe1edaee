"""scores.py BUNDLE OUT.npz: scores of each variant of a bundle for its golden frames and for noise."""

import sys
from pathlib import Path

import numpy as np

from fashion_edge.backends import open_backend
from fashion_edge.bundle import load_bundle
from fashion_edge.errors import MissingExtraError, ModelError
from fashion_edge.golden import parse_golden
from fashion_edge.preprocess import preprocess


def main(folder: str, out: str) -> None:
    bundle = load_bundle(Path(folder))
    spec = bundle.manifest.input
    frames = parse_golden(bundle.read_golden()).frames
    noise = np.random.default_rng(7).integers(0, 256, (24, spec.height, spec.width, 3), dtype=np.uint8)
    inputs = np.concatenate([np.stack([preprocess(frame, spec) for frame in frames]), noise])
    scores = {"inputs": inputs}
    for variant in bundle.manifest.variants:
        try:
            scores[variant.file] = open_backend(bundle, variant).run(inputs)
        except (MissingExtraError, ModelError) as error:
            print(f"{variant.file}: {error}", file=sys.stderr)
    np.savez(out, **scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
