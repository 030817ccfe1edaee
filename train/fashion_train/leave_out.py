"""Train without each combination in turn, and see whether it is known all the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fashion_edge.atomic import atomic_file, atomic_folder
from fashion_edge.console import say
from fashion_edge.errors import DatasetError, RunError, UsageError, brief
from fashion_train.data.dataset import SEPARATOR, Dataset, find_holdout, find_negatives, load_dataset
from fashion_train.fit.loop import identify
from fashion_train.fit.stages import forget_checkpoints, has_checkpoint
from fashion_train.fit.workers import find_team
from fashion_train.options import TrainOptions
from fashion_train.train import Outcome, train
from fashion_train.tune.metrics import words


@dataclass(frozen=True)
class Row:
    """What one training without a combination came to; a result of leave_out.json."""

    combination: str
    photos: int  # of the combination, readable: all of them were kept out
    unseen_exact: float | None  # exact match on those; None where none can be read
    seen_exact: float  # on the validation photos of all others
    baseline_exact: float | None  # of the tutorial's recipe on the unseen ones, where it was asked for


def candidates(dataset: Dataset) -> list[str]:
    """Combinations that can be left out: every label of theirs is carried by another combination too."""
    sets = {frozenset(photo.labels): photo.labels for photo in dataset.photos if len(photo.labels) > 1}
    return sorted(
        SEPARATOR.join(labels)
        for own, labels in sets.items()
        if all(any(label in other for other in sets if other != own) for label in labels)
    )


def leave_one_out(options: TrainOptions) -> int:
    """One training a combination; writes leave_out.json and report.md into the run folder.

    What is done is kept beside that folder until all are, so `--resume` goes on after an interruption.

    Raises:
        DatasetError: no combination can be left out.
        UsageError: something else is to be held out as well, or several machines are to share the work.
        RunError: `--resume` with nothing to go on from.
        KeyboardInterrupt: Ctrl-C.
    """
    if options.holdout:
        raise UsageError("--holdout and --leave-one-combination-out exclude each other; drop one of them")
    if find_team().size > 1:
        raise UsageError("--leave-one-combination-out runs on one machine; unset TF_CONFIG")
    dataset = load_dataset(options.dataset, options.groups)
    names = _names(dataset, options)
    identity = _identity(dataset, options)
    diary = options.out.with_name(f".{options.out.name}.leave_out.json")
    rows, failures = _resume(options, diary, identity) if options.resume else [], 0
    written: list[Path] = []
    with atomic_folder(options.out, marker="leave_out.json", overwrite=options.overwrite, named=written.append) as part:
        if not options.resume:
            forget_checkpoints(options)
            diary.unlink(missing_ok=True)
        for number, name in enumerate(names[len(rows) :], start=len(rows) + 1):
            say(f"{number} of {len(names)}: without {name}")
            begun = options.resume and has_checkpoint(options)
            events = options.tensorboard and options.tensorboard / name
            outcome = train(replace(options, holdout=(name,), resume=begun, tensorboard=events))
            if outcome.learned.interrupted or (options.baseline and outcome.baseline is None):
                raise KeyboardInterrupt  # half a training says nothing about the claim
            failures = len(outcome.prepared.failures)
            rows.append(_row(name, outcome))
            forget_checkpoints(options)
            _note(diary, identity, rows)
            row = rows[-1]
            say(f"{name}, no photo of it seen: {_share(row.unseen_exact)} exact; others {_share(row.seen_exact)}")
        results = [asdict(row) for row in rows]
        (part / "leave_out.json").write_text(json.dumps({"command": options.command, "results": results}, indent=1))
        (part / "report.md").write_text(report(options.command, rows), encoding="utf-8")
    diary.unlink(missing_ok=True)
    say(f"written to {written[0]}")
    return 1 if failures else 0


def report(command: str, rows: Sequence[Row]) -> str:
    """The rows as a page of Markdown."""
    head = ["left out", "photos of it", "exact match on them", "by the tutorial's recipe", "on the others (validation)"]
    lines = ["# Combinations of which no photo was trained on", "", f"`{command}`", ""]
    lines += ["Photos of others in their colours, and rendered pictures, stood in for them in training.", ""]
    lines += [f"| {' | '.join(head)} |", "|---|--:|--:|--:|--:|"]
    for row in rows:
        shares = " | ".join(map(_share, (row.unseen_exact, row.baseline_exact, row.seen_exact)))
        lines.append(f"| {row.combination} | {row.photos} | {shares} |")
    return "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _names(dataset: Dataset, options: TrainOptions) -> list[str]:
    """The combinations to leave out; says which cannot be."""
    names = candidates(dataset)
    if not names:
        raise DatasetError(
            f"no combination of {options.dataset} can be left out: each holds a label that no other combination has"
        )
    if kept := sorted({SEPARATOR.join(photo.labels) for photo in dataset.photos if photo.labels} - set(names)):
        say(f"not left out, since no other combination has all of their labels: {', '.join(kept)}")
    return names


def _row(name: str, outcome: Outcome) -> Row:
    prepared, sides = outcome.prepared, outcome.judgement.metrics
    held = find_holdout(prepared.dataset, outcome.options.holdout)
    photos = [index for index in prepared.on("test") if prepared.dataset.photos[index].combination in held]
    seen = round(sides["val"].exact_match, 5)
    if not photos:
        return Row(name, 0, None, seen, None)
    key = " ".join(words(prepared.targets[photos[0]] > 0.5, outcome.space))
    baseline = outcome.baseline.metrics["test"].per_combination[key] if outcome.baseline else None
    unseen = round(sides["test"].per_combination[key], 5)
    return Row(name, len(photos), unseen, seen, baseline if baseline is None else round(baseline, 5))


def _identity(dataset: Dataset, options: TrainOptions) -> str:
    """What all rows of a table must have in common: flags, and photos by name, labels and size."""
    photos = [(photo.file, photo.labels, _size(dataset.root / photo.file)) for photo in dataset.photos]
    folder = options.negatives
    things = [(name, _size(folder / name)) for name in find_negatives(folder)] if folder else []
    flags = replace(options, out=Path(), tensorboard=None, resume=False, overwrite=False, command="")
    return identify(flags, photos, things)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _note(diary: Path, identity: str, rows: Sequence[Row]) -> None:
    """Keep what is done."""
    with atomic_file(diary, overwrite=True) as part:
        part.write_text(json.dumps({"identity": identity, "results": [asdict(row) for row in rows]}))


def _resume(options: TrainOptions, diary: Path, identity: str) -> list[Row]:
    """The rows that an interrupted command left."""
    if not diary.is_file():
        if has_checkpoint(options):
            return []  # interrupted in the first training
        raise RunError(f"there is nothing of {options.out} to resume from; run again without --resume")
    try:
        found = json.loads(diary.read_text(encoding="utf-8"))
        rows = [Row(**row) for row in found["results"]]
        same = found["identity"] == identity
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{diary} cannot be read ({brief(error)}); run again without --resume") from error
    if not same:
        raise RunError(f"{diary} is of other photos or flags; repeat those, or drop --resume")
    say(f"resuming after {', '.join(row.combination for row in rows)}")
    return rows
