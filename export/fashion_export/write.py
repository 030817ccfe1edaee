"""An outcome to a bundle folder: written beside, loaded again, replayed, and only then given its name."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from fashion_edge.atomic import atomic_folder
from fashion_edge.backends import open_backend
from fashion_edge.bundle import MANIFEST, Golden, Manifest, Variant, load_bundle
from fashion_edge.golden import TOLERANCE, self_check
from fashion_export.calibration import manifest as calibration_manifest
from fashion_export.card import model_card
from fashion_export.outcome import Artefact, Outcome
from fashion_export.report import drift_picture, report


def write_bundle(outcome: Outcome, out: Path, *, overwrite: bool = False) -> Path:
    """Write the bundle beside `out`, load it as the device does, replay its golden inputs, then rename it.

    Returns:
        Where it is: beside `out` where something else took that name meanwhile.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false.
        BundleError: what was written does not do what was measured.
    """
    names: list[Path] = []
    with atomic_folder(out, marker="manifest.json", overwrite=overwrite, named=names.append) as part:
        golden = outcome.golden.to_npz()
        (part / "golden.npz").write_bytes(golden)
        for artefact in outcome.artefacts:
            (part / artefact.recipe.file).write_bytes(artefact.data)
        manifest = to_manifest(outcome, hashlib.sha256(golden).hexdigest())
        (part / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")
        if len(outcome.calibration):
            (part / "calibration.csv").write_text(calibration_manifest(outcome.calibration), encoding="utf-8")
        if len(outcome.validation):
            (part / "drift.png").write_bytes(drift_picture(outcome))
        (part / "report.md").write_text(report(outcome), encoding="utf-8")
        (part / "MODEL_CARD.md").write_text(model_card(outcome), encoding="utf-8")
        prove(part)
    return names[0]


def to_manifest(outcome: Outcome, golden_sha256: str) -> Manifest:
    """The manifest of an outcome."""
    variants = tuple(_variant(artefact, outcome.verdict) for artefact in outcome.artefacts)
    tolerance = {variant.precision: TOLERANCE[variant.precision] for variant in variants}
    return Manifest(
        space=outcome.space,
        input=outcome.source.spec,
        variants=variants,
        golden=Golden("golden.npz", golden_sha256, tolerance),
        provenance={**outcome.provenance, "parity": outcome.verdict},
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


def _variant(artefact: Artefact, verdict: str) -> Variant:
    measured = artefact.parity.to_metrics() if artefact.parity else {}
    return Variant(
        file=artefact.recipe.file,
        runtime=artefact.recipe.runtime,
        precision=artefact.recipe.precision,
        bytes=len(artefact.data),
        sha256=hashlib.sha256(artefact.data).hexdigest(),
        metrics={**measured, "parity": verdict, "min_runtime": artefact.min_runtime},
    )
