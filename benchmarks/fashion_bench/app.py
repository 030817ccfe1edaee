"""What `fashion-bench` does, from options to outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fashion_bench.cases import default_threads, plan_cases
from fashion_bench.document import Document, merge, read_document, refuse_unlike
from fashion_bench.endtoend import labelled_photos
from fashion_bench.machine import describe_machine, unlike
from fashion_bench.measure import Settings
from fashion_bench.outputs import Outputs, deliver
from fashion_bench.results import Result
from fashion_bench.survey import Extent, survey
from fashion_bench.verdict import INVALID
from fashion_edge.atomic import refuse_unwritable_file
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.cli.common import INTERRUPTED
from fashion_edge.console import say
from fashion_edge.defaults import find_bundle
from fashion_edge.errors import GateError, UsageError
from fashion_edge.loading import Profile, default_profile, write_profile
from fashion_edge.sources import open_source

DEVICE_ENGINES = ("litert", "onnx")  # what fashion-edge can start


def choose(results: Sequence[Result], floor: float | None) -> Result:
    """The lowest p50 among what was measured validly and reaches the floor of exact match.

    Where others' intervals overlap the fastest one's, fewer threads win, then the smaller file: what cannot be told
    apart by time should cost less.

    Raises:
        GateError: nothing qualifies; the message says why each fell out.
    """
    judged = [(result, _why_not(result, floor)) for result in results]
    able = [result for result, reason in judged if not reason]
    if not able:
        why = "; ".join(f"{result.case.name}: {reason}" for result, reason in judged)
        raise GateError(f"nothing can be chosen ({why or 'nothing was measured'})")
    fastest = min(able, key=lambda result: result.quantile("p50"))
    limit = fastest.interval("p50")
    assert limit
    alike = [result for result in able if (found := result.interval("p50")) and found.low <= limit.high]
    return min(alike, key=lambda result: (result.case.threads, result.case.bytes, result.quantile("p50")))


def make_profile(chosen: Result, bundle: Bundle, created: str) -> Profile:
    """The profile that makes `fashion-edge` run what was chosen."""
    variant = next(variant for variant in bundle.manifest.variants if variant.file == chosen.case.file)
    figures = f"p50 {chosen.quantile('p50'):.3f} ms"
    if (share := _exact(chosen)) is not None:
        figures += f", exact match {share:.1%}"
    return Profile(
        file=variant.file,
        sha256=variant.sha256,
        runtime=variant.runtime,
        precision=variant.precision,
        threads=chosen.case.threads,
        reason=f"fastest here: {figures}",
        created=created,
    )


def _why_not(result: Result, floor: float | None) -> str:
    if result.case.engine not in DEVICE_ENGINES:
        return "fashion-edge does not run this engine"
    if result.verdict == INVALID or not result.interval("p50"):
        return f"INVALID, {'; '.join(result.reasons) or 'too few samples'}"
    share = _exact(result)
    if floor is not None and share is None:
        return "its accuracy was not measured, add --photos"
    if floor is not None and share is not None and share < floor:
        return f"exact match {share:.1%} is below {floor:.1%}"
    return ""


def _exact(result: Result) -> float | None:
    share: float | None = result.extras.get("accuracy", {}).get("exact_match")
    return share


@dataclass(frozen=True)
class Choice:
    """Which cases are measured, and whether one of them is chosen for this device."""

    bundle: Path | None
    engines: tuple[str, ...]
    precisions: tuple[str, ...]
    threads: tuple[int, ...]
    choose: bool
    accuracy_floor: float | None
    profile: Path | None


def run(choice: Choice, extent: Extent, settings: Settings, outputs: Outputs, argv: Sequence[str]) -> int:
    """Measure, print, write; 1 where something could not be measured."""
    baseline = check(choice, extent, outputs)
    bundle = load_bundle(find_bundle(choice.bundle))
    if extent.photos:
        labelled_photos(extent.photos, bundle.manifest.space.labels)
    cases = plan_cases(bundle, choice.threads or default_threads(), choice.engines, choice.precisions)
    size = f"{len(cases)} case{'s' * (len(cases) > 1)}", f"{settings.rounds} round{'s' * (settings.rounds > 1)}"
    say(f"fashion-bench: {size[0]} of {bundle.path}, {size[1]}")
    document, interrupted = survey(bundle, cases, extent, settings, argv)
    deliver(document, outputs, baseline)
    if interrupted:
        return INTERRUPTED
    if choice.choose:
        write_choice(document, bundle, choice)
    return 1 if document.skipped else 0


def check(choice: Choice, extent: Extent, outputs: Outputs) -> Document | None:
    """Refuse before minutes are spent what would be refused after them; returns the baseline, where there is one.

    Raises:
        UsageError: names the flag.
    """
    if choice.accuracy_floor is not None and not extent.photos:
        raise UsageError(f"--accuracy-floor {choice.accuracy_floor:g} needs labelled photos: add --photos DIR")
    if choice.accuracy_floor is not None and not choice.choose:
        raise UsageError(f"--accuracy-floor {choice.accuracy_floor:g} is what --choose asks for; add --choose")
    if choice.profile and not choice.choose:
        raise UsageError(f"--profile {choice.profile} is where --choose writes; add --choose")
    if choice.choose:
        profile = choice.profile or default_profile()
        refuse_unwritable_file(f"--profile {profile}", profile)
    if extent.source and extent.end_to_end:
        open_source(extent.source)
    baseline = outputs.check()
    if baseline and outputs.baseline and (differences := unlike(baseline.machine, describe_machine())):
        raise UsageError(
            f"{outputs.baseline} and this machine are unlike ({'; '.join(differences)}); measure a baseline here"
        )
    return baseline


def report(files: Sequence[Path], outputs: Outputs) -> int:
    """Render again from JSON alone; several files stand in one table if their machines are alike.

    Raises:
        UsageError: two of the machines, of the files and of the baseline, are unlike; nothing is written.
    """
    baseline = outputs.check()
    document = merge([(path, read_document(path)) for path in files])
    if baseline and outputs.baseline:
        refuse_unlike(outputs.baseline, baseline, files[0], document)
    deliver(document, outputs, baseline)
    return 0


def write_choice(document: Document, bundle: Bundle, choice: Choice) -> None:
    """Choose, write the profile, say so.

    Raises:
        GateError: nothing qualifies.
    """
    path = choice.profile or default_profile()
    profile = make_profile(choose(document.results, choice.accuracy_floor), bundle, document.created)
    write_profile(path, profile)
    threads = f"{profile.threads} thread{'s' if profile.threads > 1 else ''}"
    say(
        f"fashion-bench: chose {profile.runtime} {profile.precision}, {threads} ({profile.reason}); "
        + (
            f"fashion-edge --profile {path} runs it"
            if choice.profile
            else f"fashion-edge starts with it from now on: {path}"
        )
    )
