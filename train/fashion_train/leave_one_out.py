"""Train without each combination of labels in turn, and evaluate on it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from fashion_edge.atomic import atomic_file, atomic_folder
from fashion_edge.errors import DatasetError, RunError, UsageError
from fashion_edge.model_card import markdown_table
from fashion_edge.typed_json import encode_json, read_json
from fashion_train.data.dataset import SEPARATOR, Dataset, find_holdout, find_negatives, load_dataset
from fashion_train.fit.batches import find_workers
from fashion_train.fit.checkpoints import has_checkpoint, identify, remove_checkpoints
from fashion_train.options import TrainOptions
from fashion_train.results import LeaveOneOut, Row, TrainingResult
from fashion_train.training import train_network
from fashion_train.tune.evaluate import names_of

HEADER = ("left out", "photos of it", "exact match on them", "by the tutorial's recipe", "on the others (validation)")
MAX_JOURNAL = 4 << 20  # bytes


class Journal(msgspec.Struct):
    """Finished rows of an unfinished table."""

    identity: str
    results: list[Row]


def candidates(dataset: Dataset) -> list[str]:
    """Combinations that can be left out: other combinations have all of their labels."""
    sets = {frozenset(photo.labels): photo.labels for photo in dataset.photos if len(photo.labels) > 1}
    return sorted(
        SEPARATOR.join(labels)
        for own, labels in sets.items()
        if all(any(label in other for other in sets if other != own) for label in labels)
    )


def leave_one_out(options: TrainOptions) -> LeaveOneOut:
    """One training per combination; writes leave_out.json and report.md into the run folder.

    Finished rows are kept in a journal next to that folder, so that `resume` continues after an interruption.
    """
    if options.holdout:
        raise UsageError("--holdout and --leave-one-combination-out exclude each other; leave one of them out")
    if find_workers().size > 1:
        raise UsageError("--leave-one-combination-out runs on one machine; unset TF_CONFIG")
    dataset = load_dataset(options.dataset, options.groups)
    names, identity = _names(dataset, options), _identity(dataset, options)
    journal = options.out.with_name(f".{options.out.name}.leave_out.json")
    rows, failures = _resume(options, journal, identity) if options.resume else [], 0
    written: list[Path] = []
    with atomic_folder(options.out, marker="leave_out.json", overwrite=options.overwrite, named=written.append) as part:
        if not options.resume:
            remove_checkpoints(options)
            journal.unlink(missing_ok=True)
        for number, name in enumerate(names[len(rows) :], start=len(rows) + 1):
            options.progress.line(f"{number} of {len(names)}: without {name}")
            result = _train_without(name, options)
            failures = len(result.prepared.failures)
            rows.append(_row(name, result))
            remove_checkpoints(options)
            with atomic_file(journal, overwrite=True) as file:
                file.write_bytes(encode_json(Journal(identity, rows)))
            unseen, seen = _percent(rows[-1].unseen_exact), _percent(rows[-1].seen_exact)
            options.progress.line(f"{name}, without training on it: {unseen} exact; others {seen}")
        document = {"command": options.command, "results": rows}
        (part / "leave_out.json").write_bytes(encode_json(document, indent=1))
        (part / "report.md").write_text(report(options.command, rows), encoding="utf-8")
    journal.unlink(missing_ok=True)
    options.progress.line(f"written to {written[0]}")
    return LeaveOneOut(written[0], tuple(rows), failures)


def _train_without(name: str, options: TrainOptions) -> TrainingResult:
    resume = options.resume and has_checkpoint(options)
    tensorboard = options.tensorboard and options.tensorboard / name
    result = train_network(replace(options, holdout=(name,), resume=resume, tensorboard=tensorboard))
    if result.incomplete:
        raise KeyboardInterrupt  # half a training would say nothing about the combination
    return result


def report(command: str, rows: Sequence[Row]) -> str:
    """The rows as a Markdown page."""
    cells = [
        (row.combination, str(row.photos), *map(_percent, (row.unseen_exact, row.baseline_exact, row.seen_exact)))
        for row in rows
    ]
    why = "Recoloured photos of other combinations, and rendered pictures, replaced them in training."
    table = markdown_table(HEADER, cells)
    return f"# Combinations without training photos\n\n`{command}`\n\n{why}\n\n{table}\n"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _names(dataset: Dataset, options: TrainOptions) -> list[str]:
    """The combinations to leave out; prints which cannot be."""
    names = candidates(dataset)
    if not names:
        raise DatasetError(f"{options.dataset} has no combination all of whose labels other combinations have, too")
    if kept := sorted({SEPARATOR.join(photo.labels) for photo in dataset.photos if photo.labels} - set(names)):
        options.progress.line(f"not left out, since no other combination has all of their labels: {', '.join(kept)}")
    return names


def _row(name: str, result: TrainingResult) -> Row:
    prepared, metrics = result.prepared, result.evaluation.metrics
    held = find_holdout(prepared.dataset, result.options.holdout)
    photos = [index for index in prepared.on("test") if prepared.dataset.photos[index].combination in held]
    seen = round(metrics["val"].exact_match, 5)
    if not photos:
        return Row(name, 0, None, seen, None)
    key = " ".join(names_of(prepared.targets[photos[0]] > 0.5, result.space))
    baseline = round(result.baseline.metrics["test"].per_combination[key], 5) if result.baseline else None
    return Row(name, len(photos), round(metrics["test"].per_combination[key], 5), seen, baseline)


def _identity(dataset: Dataset, options: TrainOptions) -> str:
    """What all rows of a table have in common: options, and photos by name, labels and size."""
    photos = [(photo.file, photo.labels, _size(dataset.root / photo.file)) for photo in dataset.photos]
    folder = options.negatives
    negatives = [(name, _size(folder / name)) for name in find_negatives(folder)] if folder else []
    same = replace(options, out=Path(), tensorboard=None, resume=False, overwrite=False, command="")
    return identify(same, photos, negatives)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _resume(options: TrainOptions, journal: Path, identity: str) -> list[Row]:
    """The rows of an interrupted command."""
    if not journal.is_file():
        if has_checkpoint(options):
            return []  # interrupted in the first training
        raise RunError(f"there is nothing of {options.out} to resume from; run again without --resume")
    found = read_json(journal, Journal, MAX_JOURNAL, lambda why: RunError(f"{why}; run again without --resume"))
    if found.identity != identity:
        raise RunError(f"{journal} belongs to other photos or options; repeat those, or leave --resume out")
    options.progress.line(f"resuming after {', '.join(row.combination for row in found.results)}")
    return found.results
