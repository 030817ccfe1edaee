"""A source to a bundle: convert, compare, write beside, load again, replay, and only then take the name."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_folder
from fashion_edge.backends import open_backend
from fashion_edge.bundle import MANIFEST, Golden, Manifest, Variant, load_bundle
from fashion_edge.decide import LabelSpace
from fashion_edge.golden import TOLERANCE, GoldenSet, self_check
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_export.artefact import Artefact, open_artefact
from fashion_export.card import model_card
from fashion_export.keras_model import check_model, keras_scores, load_model
from fashion_export.parity import compare
from fashion_export.photos import Inputs, load_inputs
from fashion_export.progress import step
from fashion_export.provenance import provenance
from fashion_export.report import report
from fashion_export.source import Source
from fashion_export.variants import Recipe, convert
from fashion_export.variants.job import Job


@dataclass(frozen=True)
class Outcome:
    """What an export made, for the report: the photos it used, and each file with its comparison."""

    source: Source
    space: LabelSpace
    calibration: Inputs
    validation: Inputs
    artefacts: tuple[Artefact, ...]
    golden: GoldenSet
    provenance: dict[str, Any]


def export(source: Source, recipes: Sequence[Recipe], command: str, *, debug: bool = False) -> Outcome:
    """Convert to every recipe and compare each with Keras; nothing is written.

    Raises:
        ModelError: the model is damaged, or not one image in and one row of scores out.
        DatasetError: no photo could be read.
    """
    labels, spec = source.space.labels, source.spec
    with step("loading TensorFlow and the model", debug=debug):
        model = load_model(source.model_file, source.model_sha256)
        check_model(model, spec, len(labels), source.model_file.name)
    with step(
        f"reading {len(source.calibration)} calibration, {len(source.validation)} validation photos", debug=debug
    ):
        calibration = load_inputs(source.root, source.calibration, labels, spec)
        validation = load_inputs(source.root, source.validation, labels, spec)
    frames, inputs = golden_inputs(spec)
    with step("asking Keras", debug=debug):
        reference = keras_scores(model, validation.pixels)
        keras_scores(model, inputs)  # a model without a sigmoid is refused even where there is no photo
    job = Job(model, spec, calibration.pixels)
    artefacts = []
    for recipe in recipes:
        with step(f"converting and comparing {recipe.name}", debug=debug):
            data = convert(recipe, job)
            backend = open_artefact(recipe, data, spec, len(labels))
            scores = backend.run(validation.pixels)
            parity = compare(reference, scores, validation.truth, source.space) if len(validation) else None
            artefacts.append(Artefact(recipe, data, backend.run(inputs), parity, backend.name))
    golden = GoldenSet(frames, inputs, {artefact.recipe.file: artefact.golden_scores for artefact in artefacts})
    facts = provenance(source, command)
    return Outcome(source, source.space, calibration, validation, tuple(artefacts), golden, facts)


def golden_inputs(spec: InputSpec) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rendered frames (n, h, w, 3) uint8 BGR, and what `preprocess` makes of them."""
    from fashion_edge.render import golden_frames

    frames = np.stack(list(golden_frames()))
    return frames, np.stack([preprocess(frame, spec) for frame in frames])


def write_bundle(outcome: Outcome, out: Path, *, overwrite: bool = False) -> None:
    """Write the bundle beside `out`, load it again, replay its golden inputs on every variant, then rename it.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false.
        ModelError: what was written does not do what was measured.
    """
    with atomic_folder(out, overwrite=overwrite) as part:
        golden = outcome.golden.to_npz()
        (part / "golden.npz").write_bytes(golden)
        for artefact in outcome.artefacts:
            (part / artefact.recipe.file).write_bytes(artefact.data)
        manifest = to_manifest(outcome, hashlib.sha256(golden).hexdigest())
        (part / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=2) + "\n")
        (part / "report.md").write_text(report(outcome))
        (part / "MODEL_CARD.md").write_text(model_card(outcome))
        prove(part)


def to_manifest(outcome: Outcome, golden_sha256: str) -> Manifest:
    """The manifest of an outcome."""
    variants = tuple(
        Variant(
            file=artefact.recipe.file,
            runtime=artefact.recipe.runtime,
            precision=artefact.recipe.precision,
            bytes=len(artefact.data),
            sha256=hashlib.sha256(artefact.data).hexdigest(),
            metrics=artefact.parity.to_metrics() if artefact.parity else {"parity": "not proven"},
        )
        for artefact in outcome.artefacts
    )
    tolerance = {variant.precision: TOLERANCE[variant.precision] for variant in variants}
    return Manifest(
        space=outcome.space,
        input=outcome.source.spec,
        variants=variants,
        golden=Golden("golden.npz", golden_sha256, tolerance),
        provenance=outcome.provenance,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def prove(folder: Path) -> None:
    """Load a written bundle as the device does, and replay the golden inputs on every variant.

    Raises:
        BundleError: anything that the device would refuse.
    """
    bundle = load_bundle(folder)
    for variant in bundle.manifest.variants:
        self_check(bundle, variant, open_backend(bundle, variant))
