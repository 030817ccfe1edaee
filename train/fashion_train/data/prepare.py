"""From the data set on disk to what training needs: pixels, targets, sides of the split."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from fashion_edge.console import pluralize
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import DatasetError, UsageError
from fashion_edge.preprocess import InputSpec
from fashion_train.data.cache import Decoded, decode_all
from fashion_train.data.dataset import Dataset, Photo, find_holdout, find_negatives, load_dataset
from fashion_train.data.split import group_duplicates, split_photos
from fashion_train.fit.teacher import teacher_size
from fashion_train.options import TrainOptions
from fashion_train.size import Size, scaled
from fashion_train.tune.metrics import NO_LABEL, Targets, encode

WORK_SCALE = 4 / 3  # augmentation works on pictures this much larger than it gives: zooming in stays sharp
Tick = Callable[[str, int, int], None]  # what is being done, done, total


@dataclass(frozen=True)
class Negatives:
    """Photos of things that carry no label."""

    files: tuple[str, ...]
    sides: tuple[str, ...]
    decoded: Decoded

    def on(self, side: str) -> list[int]:
        """Positions of the readable files on a side."""
        return [index for index in self.decoded.readable if self.sides[index] == side]


@dataclass(frozen=True)
class Prepared:
    """A data set decoded and split; positions in `photos` index everything else."""

    dataset: Dataset
    spec: InputSpec
    decoded: Decoded
    duplicate_groups: tuple[int, ...]
    sides: tuple[str, ...]
    targets: Targets  # (n, labels)
    negatives: Negatives | None

    @property
    def untuned(self) -> LabelSpace:
        """The labels with every threshold at 0.5, as before tuning."""
        labels = self.dataset.labels
        return LabelSpace(labels, self.dataset.groups, dict.fromkeys(labels, 0.5))

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Files that could not be read, with the reason."""
        return self.decoded.failures + (self.negatives.decoded.failures if self.negatives else ())

    @property
    def sha256(self) -> str:
        """One SHA-256 over every photo's name, labels and content."""
        digest = hashlib.sha256()
        for photo, content in zip(self.dataset.photos, self.decoded.content_hashes, strict=True):
            digest.update(f"{photo.file}\0{photo.combination}\0{content}\n".encode())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Readable photos of each combination."""
        return dict(sorted(Counter(self.dataset.photos[index].combination for index in self.decoded.readable).items()))

    @property
    def contradictions(self) -> list[tuple[Photo, Photo]]:
        """Photos of equal bytes with other labels: one of the two is wrong, or both."""
        first: dict[str, Photo] = {}
        pairs = []
        for index in self.decoded.readable:
            photo = self.dataset.photos[index]
            twin = first.setdefault(self.decoded.content_hashes[index], photo)
            if set(twin.labels) != set(photo.labels):
                pairs.append((twin, photo))
        return pairs

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Labels that every photo that trains carries, so that none shows what lacks them."""
        if self.negatives and self.negatives.on("train"):
            return ()
        taught = self.targets[self.on("train")]
        return tuple(label for column, label in enumerate(self.dataset.labels) if taught[:, column].all())

    @property
    def bursts(self) -> dict[str, int]:
        """Combinations that only train, since all their photos are near-duplicates of each other: photos of each."""
        return find_bursts(self.dataset, self.decoded, self.duplicate_groups, self.sides)

    def on(self, side: str) -> list[int]:
        """Positions of the readable photos on a side."""
        return [index for index in self.decoded.readable if self.sides[index] == side]


def prepare(options: TrainOptions, size: Size, tick: Tick) -> Prepared:
    """Find, decode, hash and split the photos.

    Raises:
        DatasetError: nothing to train on.
        UsageError: `--holdout` names a combination that the data set does not have, or a negative is a labelled photo.
    """
    dataset = _limited(load_dataset(options.dataset, options.groups), options.limit, options.seed)
    spec = InputSpec(*size, fit=options.fit)
    drawn = teacher_size(size) if options.recipe.teacher_epochs else size
    height, width = scaled(drawn, WORK_SCALE)
    large = replace(spec, height=height, width=width)
    holdout = find_holdout(dataset, options.holdout)
    decoded = decode_all(
        dataset.root,
        [photo.file for photo in dataset.photos],
        spec,
        large,
        lambda done, total: tick("reading photos", done, total),
    )
    groups = group_duplicates(decoded.content_hashes, decoded.perceptual_hashes)
    combinations = [photo.combination for photo in dataset.photos]
    fractions = options.recipe.fractions
    sides = split_photos(combinations, groups, fractions, options.seed, holdout)
    _check_enough(dataset, decoded, groups, sides)
    placed = {content: side for content, side in zip(decoded.content_hashes, sides, strict=True) if content}
    negatives = _prepare_negatives(options, spec, large, placed, tick)
    _check_no_labels(dataset, decoded, negatives)
    return Prepared(
        dataset,
        spec,
        decoded,
        tuple(groups),
        tuple(sides),
        encode([photo.labels for photo in dataset.photos], dataset.labels),
        negatives,
    )


def _prepare_negatives(
    options: TrainOptions, spec: InputSpec, large: InputSpec, placed: Mapping[str, str], tick: Tick
) -> Negatives | None:
    if options.negatives is None:
        return None
    files = find_negatives(options.negatives)
    decoded = decode_all(
        options.negatives, files, spec, large, lambda done, total: tick("reading negatives", done, total)
    )
    return Negatives(files, tuple(split_negatives(files, decoded, options, placed)), decoded)


def split_negatives(
    files: Sequence[str], decoded: Decoded, options: TrainOptions, placed: Mapping[str, str]
) -> list[str]:
    """Sides of the negatives; no copy of one that judges is trained on, and one of a labelless photo is on its side.

    Whole folders go to `val` and `test`, so that silence is measured on kinds never seen. Photos without a folder, or
    fewer than ten folders, are split one by one.

    Args:
        files: names, with /.
        decoded: their pictures.
        options: of the run.
        placed: SHA-256 -> side of each of the data set's photos.
    """
    kinds = [str(PurePosixPath(file).parent) for file in files]
    contents = decoded.content_hashes
    groups: Sequence[object] = contents
    if len(set(kinds)) < 10:
        groups = copies = group_duplicates(contents, decoded.perceptual_hashes)
        sides = split_photos(["nothing"] * len(files), copies, options.recipe.fractions, options.seed)
    else:
        sides = split_by_kind(kinds, options)
        placed = {content: side for content, side in zip(contents, sides, strict=True) if side != "train"} | {**placed}
    moved = {group: placed[content] for group, content in zip(groups, contents, strict=True) if content in placed}
    return [moved.get(group, side) for group, side in zip(groups, sides, strict=True)]


def split_by_kind(kinds: Sequence[str], options: TrainOptions) -> list[str]:
    """Sides of photos of these kinds, the photos of one kind all on one side."""
    rng = np.random.default_rng(options.seed)
    order = [sorted(set(kinds))[i] for i in rng.permutation(len(set(kinds)))]
    val = round(options.recipe.fractions.val * len(order))
    test = round(options.recipe.fractions.test * len(order))
    side = dict.fromkeys(order[:val], "val") | dict.fromkeys(order[val : val + test], "test")
    return [side.get(kind, "train") for kind in kinds]


def _check_no_labels(dataset: Dataset, decoded: Decoded, negatives: Negatives | None) -> None:
    """A photo that stood among both would be learned with its labels and without."""
    pairs = zip(dataset.photos, decoded.content_hashes, strict=True)
    shown = {content: photo.file for photo, content in pairs if photo.labels}
    for file, content in zip(negatives.files, negatives.decoded.content_hashes, strict=True) if negatives else ():
        if content and content in shown:
            raise UsageError(f"--negatives holds {file}, the same picture as {shown[content]}, which carries a label")


def _limited(dataset: Dataset, limit: int | None, seed: int) -> Dataset:
    """At most `limit` photos of each combination, drawn by the seed."""
    if limit is None:
        return dataset
    rng = np.random.default_rng(seed)
    kept: dict[str, int] = {}
    photos: list[Photo] = []
    for position in rng.permutation(len(dataset.photos)):
        photo = dataset.photos[position]
        kept[photo.combination] = kept.get(photo.combination, 0) + 1
        if kept[photo.combination] <= limit:
            photos.append(photo)
    return replace(dataset, photos=tuple(sorted(photos, key=lambda photo: photo.file)))


def _check_enough(dataset: Dataset, decoded: Decoded, groups: Sequence[int], sides: Sequence[str]) -> None:
    count = len(decoded.readable)
    if not count:
        raise DatasetError(
            f"none of the photos of {dataset.root} can be read, "
            f"the first of {len(dataset.photos)}: {decoded.failures[0][1]}"
        )
    for side, needed in (("train", 1), ("val", 1)):
        if sum(sides[index] == side for index in decoded.readable) < needed:
            raise DatasetError(
                f"{pluralize(count, 'readable photo')} leave{'s' if count == 1 else ''} none for {side}; "
                + (
                    say_bursts(find_bursts(dataset, decoded, groups, sides))
                    or "each combination needs about ten photos"
                )
                + _say_unreadable(decoded.failures)
            )


def _say_unreadable(failures: Sequence[tuple[str, str]]) -> str:
    """How many photos could not be read, and why the first one; empty where all could."""
    return f"; {len(failures)} more could not be read, the first: {failures[0][1]}" if failures else ""


def find_bursts(dataset: Dataset, decoded: Decoded, groups: Sequence[int], sides: Sequence[str]) -> dict[str, int]:
    """Combinations whose photos all train and cannot be divided, as the frames of one video cannot: photos of each."""
    found: dict[str, list[int]] = {}
    for index in decoded.readable:
        found.setdefault(dataset.photos[index].combination or NO_LABEL, []).append(index)
    return {
        name: len(there)
        for name, there in sorted(found.items())
        if len(there) > 1 and len({groups[index] for index in there}) == 1 and sides[there[0]] == "train"
    }


def say_bursts(bursts: Mapping[str, int]) -> str:
    """What to do about combinations that cannot be divided; empty where there is none."""
    if not bursts:
        return ""
    name, photos = next(iter(bursts.items()))
    others = f", and so are those of {len(bursts) - 1} more" if len(bursts) > 1 else ""
    return (
        f"the {photos} of {name} are near-duplicates of each other, which stay on one side{others}: "
        "add photos of other moments"
    )
