"""From the data set on disk to pixels, targets and a split."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fashion_edge.console import pluralize
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import DatasetError, UsageError
from fashion_edge.preprocess import InputSpec
from fashion_train.data.augment import Size, scaled
from fashion_train.data.cache import Decoded, decode_all
from fashion_train.data.dataset import (
    NO_LABEL,
    Dataset,
    Photo,
    Targets,
    encode,
    find_holdout,
    find_negatives,
    load_dataset,
)
from fashion_train.data.split import group_duplicates, split_negatives, split_photos
from fashion_train.options import TrainOptions

WORK_SCALE = 4 / 3  # augmentation works on pictures this much larger than its output: zooming in stays sharp
TEACHER_SCALE = 3 / 2  # the teacher's input is this much larger than the network's; at 8 / 7 it errs twice as often


def teacher_size(size: Size) -> Size:
    """The teacher's input size, for a network of input `size`."""
    return scaled(size, TEACHER_SCALE)


@dataclass(frozen=True)
class Split:
    """Decoded files on the sides of a split: labelled photos, or background images (out-of-distribution)."""

    decoded: Decoded
    sides: tuple[str, ...]

    def on(self, side: str) -> list[int]:
        """Positions of the readable files on a side of the split."""
        return [index for index in self.decoded.readable if self.sides[index] == side]


@dataclass(frozen=True)
class Prepared(Split):
    """A data set, decoded and split; everything else is indexed by the position in `dataset.photos`."""

    dataset: Dataset
    spec: InputSpec
    duplicate_groups: tuple[int, ...]
    targets: Targets  # (n, labels)
    negatives: Split | None = None

    @property
    def size(self) -> Size:
        """Height and width of the network's input."""
        return self.spec.height, self.spec.width

    @property
    def untuned(self) -> LabelSpace:
        """The labels with thresholds of 0.5, as before tuning."""
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
    def label_conflicts(self) -> list[tuple[Photo, Photo]]:
        """Photos of equal bytes with different labels: at least one of the two is wrong."""
        first: dict[str, Photo] = {}
        pairs = []
        for index in self.decoded.readable:
            photo = self.dataset.photos[index]
            copy = first.setdefault(self.decoded.content_hashes[index], photo)
            if set(copy.labels) != set(photo.labels):
                pairs.append((copy, photo))
        return pairs

    @property
    def universal_labels(self) -> tuple[str, ...]:
        """Labels of every training photo: nothing shows the network what lacks them."""
        if self.negatives and self.negatives.on("train"):
            return ()
        trained = self.targets[self.on("train")]
        return tuple(label for column, label in enumerate(self.dataset.labels) if trained[:, column].all())

    @property
    def near_duplicates(self) -> dict[str, int]:
        """Combinations that only train since they cannot be split, as the frames of one video: number of photos."""
        found: dict[str, list[int]] = {}
        for index in self.decoded.readable:
            found.setdefault(self.dataset.photos[index].combination or NO_LABEL, []).append(index)
        return {
            name: len(there)
            for name, there in sorted(found.items())
            if len(there) > 1
            and len({self.duplicate_groups[index] for index in there}) == 1
            and self.sides[there[0]] == "train"
        }


def prepare(options: TrainOptions, size: Size) -> Prepared:
    """Find, decode, hash and split the photos, for a network of input `size`."""
    dataset = _limited(load_dataset(options.dataset, options.groups), options.limit, options.seed)
    spec = InputSpec(*size, fit=options.fit)
    height, width = scaled(teacher_size(size) if options.recipe.teacher_epochs else size, WORK_SCALE)
    large = replace(spec, height=height, width=width)
    holdout = find_holdout(dataset, options.holdout)
    files = [photo.file for photo in dataset.photos]
    decoded = decode_all(dataset.root, files, spec, large, options.progress, "reading photos")
    groups = group_duplicates(decoded.content_hashes, decoded.perceptual_hashes)
    combinations = [photo.combination for photo in dataset.photos]
    sides = split_photos(combinations, groups, options.recipe.fractions, options.seed, holdout)
    targets = encode([photo.labels for photo in dataset.photos], dataset.labels)
    prepared = Prepared(decoded, tuple(sides), dataset, spec, tuple(groups), targets)
    _check_enough(prepared)
    if options.negatives is None:
        return prepared
    return replace(prepared, negatives=_prepare_negatives(options.negatives, options, prepared, large))


def _prepare_negatives(folder: Path, options: TrainOptions, prepared: Prepared, large: InputSpec) -> Split:
    """A copy of a labelled photo among the negatives is refused: it would train with its labels and without."""
    files, fractions = find_negatives(folder), options.recipe.fractions
    decoded = decode_all(folder, files, prepared.spec, large, options.progress, "reading negatives")
    hashes, photos = prepared.decoded.content_hashes, prepared.dataset.photos
    labelled = {content: photo.file for photo, content in zip(photos, hashes, strict=True) if content and photo.labels}
    for file, content in zip(files, decoded.content_hashes, strict=True):
        if content in labelled:
            raise UsageError(f"--negatives holds {file}, the same picture as {labelled[content]}, which has a label")
    sides = {content: side for content, side in zip(hashes, prepared.sides, strict=True) if content}
    found = decoded.content_hashes, decoded.perceptual_hashes
    return Split(decoded, tuple(split_negatives(files, *found, fractions, options.seed, sides)))


def _limited(dataset: Dataset, limit: int | None, seed: int) -> Dataset:
    """At most `limit` photos of each combination, chosen at random."""
    if limit is None:
        return dataset
    rng = np.random.default_rng(seed)
    kept: Counter[str] = Counter()
    photos: list[Photo] = []
    for position in rng.permutation(len(dataset.photos)):
        photo = dataset.photos[position]
        kept[photo.combination] += 1
        if kept[photo.combination] <= limit:
            photos.append(photo)
    return replace(dataset, photos=tuple(sorted(photos, key=lambda photo: photo.file)))


def _check_enough(prepared: Prepared) -> None:
    count, failures = len(prepared.decoded.readable), prepared.decoded.failures
    if not count:
        root, photos = prepared.dataset.root, prepared.dataset.photos
        raise DatasetError(f"none of the photos of {root} can be read, the first of {len(photos)}: {failures[0][1]}")
    for side in ("train", "val"):
        if not prepared.on(side):
            why = describe_near_duplicates(prepared.near_duplicates) or "each combination needs about ten photos"
            unreadable = f"; {len(failures)} more could not be read, the first: {failures[0][1]}" if failures else ""
            leave = "leaves" if count == 1 else "leave"
            raise DatasetError(f"{pluralize(count, 'readable photo')} {leave} none for {side}; {why}{unreadable}")


def describe_near_duplicates(found: Mapping[str, int]) -> str:
    """What to do about combinations that cannot be split; empty where there are none."""
    if not found:
        return ""
    name, photos = next(iter(found.items()))
    others = f", and so are those of {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"the {photos} of {name} are near-duplicates of each other, which stay on one side{others}: "
        "add photos of other scenes"
    )
