"""Which photos there are and which labels they have: folders named by their labels, or a CSV file."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import is_word
from fashion_edge.console import pluralize
from fashion_edge.errors import DatasetError, UsageError
from fashion_edge.images import NOTES, find_ignored, find_images
from fashion_edge.labels import GROUPS_EXAMPLE, normalize_label, parse_groups
from fashion_edge.sources.files import legible
from fashion_train.data.recolour import Palette

SEPARATOR = "_"
DELIMITERS = ",;|"  # separate labels in --groups, in a model's metadata and in tables
TWO_WORDS = ("colour", "garment")  # group names where each photo has two labels, as in the tutorial
NO_LABEL = "nothing"  # name of the combination without labels

Targets = NDArray[np.float32]
Row = Mapping[str | None, str | None]  # of a CSV file, as csv.DictReader gives it


@dataclass(frozen=True)
class Photo:
    """One file and its labels, in the order of the groups; labels in no group come last."""

    file: str  # relative to the data set's root, with /
    labels: tuple[str, ...]

    @property
    def combination(self) -> str:
        """The labels joined by a blank, as in split.csv."""
        return " ".join(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Photos with labels, and how the labels are grouped."""

    root: Path
    photos: tuple[Photo, ...]
    labels: tuple[str, ...]  # sorted: the model's output order
    groups: Mapping[str, tuple[str, ...]]  # labels of one group exclude each other
    ignored: tuple[str, ...] = ()  # files outside of its folders or with another suffix, and linked folders

    @cached_property
    def palette(self) -> Palette:
        """The colours that photos may be given; labels in no group may be colours as those of a group may."""
        grouped = {label for members in self.groups.values() for label in members}
        free = [label for label in self.labels if label not in grouped]
        return Palette.of(self.labels, [*self.groups.values(), free])


def encode(combinations: Sequence[Sequence[str]], labels: Sequence[str]) -> Targets:
    """Labels of n photos as (n, labels) float32 of 0 and 1."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(combinations), len(labels)), np.float32)
    for row, words in enumerate(combinations):
        targets[row, [column[word] for word in words]] = 1
    return targets


def load_dataset(source: Path, groups: str | None = None) -> Dataset:
    """Find the photos of a folder of `colour_garment` folders, or of a CSV file; its files are relative to its folder.

    The groups are those of `colour=black,blue,red garment=dress,jeans`; None groups labels by word position.
    """
    if not source.exists():
        raise DatasetError(f"data set {source} does not exist; give a folder of colour_garment folders, or a CSV file")
    root, photos = (source, _from_folders(source)) if source.is_dir() else (source.parent, _from_csv(source))
    labels = tuple(sorted({label for photo in photos for label in photo.labels}))
    if invalid := next((label for label in labels if not is_word(label)), None):
        raise DatasetError(f"data set {source}: the label {invalid!r:.60} is not valid in a bundle; rename it")
    if len(labels) < 2:
        fix = "name it like red_dress, or add another" if source.is_dir() else "label it like red dress, or add others"
        raise DatasetError(f"data set {source} has only the label {labels[0]!r}; at least two are needed: {fix}")
    if groups is None:
        grouped = infer_groups([photo.labels for photo in photos])
    else:  # sorted, so that their order in run.json is always the same
        grouped = {name: tuple(sorted(members)) for name, members in parse_groups(groups, labels).items()}
    _check_exclusive(photos, grouped)
    photos = [replace(photo, labels=_ordered(photo.labels, grouped)) for photo in photos]
    ignored = _find_ignored(root) if source.is_dir() else []
    names = tuple(legible(path.relative_to(root).as_posix()) for path in ignored)
    return Dataset(root, tuple(photos), labels, grouped, names)


def _ordered(labels: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The labels as metrics name them, so that `dress red` and `red dress` of a CSV file are one combination."""
    place = {label: number for number, members in enumerate(groups.values()) for label in members}
    return tuple(sorted(labels, key=lambda label: (place.get(label, len(groups)), label)))


def _check_exclusive(photos: Iterable[Photo], groups: Mapping[str, tuple[str, ...]]) -> None:
    for photo in photos:
        for name, members in groups.items():
            if len(both := [label for label in photo.labels if label in members]) > 1:
                fix = "correct its labels, or leave both out of --groups"
                raise UsageError(f"{photo.file} has the labels {both[0]} and {both[1]} of one group, {name}; {fix}")


def find_negatives(folder: Path) -> tuple[str, ...]:
    """Names, relative to a folder, of the background images below it."""
    if not folder.exists():
        raise DatasetError(f"negatives {folder} does not exist; name another folder, or leave --negatives out")
    if not folder.is_dir():
        raise DatasetError(f"negatives {folder} is not a folder of photos")
    files = tuple(path.relative_to(folder).as_posix() for path in find_images(folder))
    if not files:
        raise DatasetError(f"negatives {folder} holds no photo")
    _check_utf8(folder, files)
    return files


def check_places(dataset: Path, negatives: Path | None, out: Path) -> None:
    """Refuse a run folder that the next run would read as photos, and negatives that are the photos."""
    photos = dataset.resolve() if dataset.is_dir() else dataset.resolve().parent
    if out.resolve() == Path.cwd():
        raise UsageError(f"--out {out} is the current folder; name a new one, such as runs/mine")
    if dataset.is_dir() and out.resolve().is_relative_to(photos):
        raise UsageError(f"--out {out} lies inside the data set {dataset}, which would read it as photos; name another")
    if negatives is None:
        return
    background = negatives.resolve()
    if dataset.is_dir() and (background.is_relative_to(photos) or photos.is_relative_to(background)):
        raise UsageError(f"--negatives {negatives} and the data set {dataset} share photos; name separate folders")
    if out.resolve().is_relative_to(background):
        raise UsageError(f"--out {out} lies inside --negatives {negatives}, which would read it; name another")


def find_holdout(dataset: Dataset, names: Sequence[str]) -> set[str]:
    """The combinations that `--holdout` names, as `black_dress`."""
    known = {photo.combination for photo in dataset.photos}
    held = {name: {combination for combination in known if _words(combination) == _words(name)} for name in names}
    if unknown := sorted(name for name, found in held.items() if not found):
        there = ", ".join(sorted(name.replace(" ", SEPARATOR) for name in known))
        raise UsageError(f"--holdout {unknown[0]}: this data set has no such combination; it has {there}")
    return set().union(*held.values())


def _words(combination: str) -> list[str]:
    """Sorted: dress_red and red_dress are one combination."""
    return sorted(normalize_label(combination).replace(SEPARATOR, " ").split())


def check_disjoint(dataset: Dataset, negatives: Path) -> None:
    """Refuse negatives that are labelled photos of the data set: they would train with their labels and without."""
    photos = {(dataset.root / photo.file).resolve() for photo in dataset.photos if photo.labels}
    both = next((name for name in find_negatives(negatives) if (negatives / name).resolve() in photos), None)
    if both is not None:
        raise UsageError(f"--negatives {negatives} holds {both}, which the data set gives a label; move it elsewhere")


def check_single_label(dataset: Dataset, negatives: Path | None) -> None:
    """Refuse photos that do not have exactly one label, and negatives, which a softmax cannot learn."""
    if negatives is not None:
        raise UsageError("--negatives is for --task multi-label, since a softmax always gives a label; leave it out")
    if photo := next((photo for photo in dataset.photos if len(photo.labels) != 1), None):
        fix = "use --task multi-label, or folders named by one word"
        raise UsageError(f"{photo.file} has {len(photo.labels)} labels, and --task single-label needs one; {fix}")


def split_words(name: str) -> tuple[str, ...]:
    """`red_dress` -> ("red", "dress")."""
    words = tuple(word for word in normalize_label(name.strip()).split(SEPARATOR) if word.strip())
    if not any(any(character.isalpha() for character in word) for word in words):
        raise DatasetError(f"folder {name!r} has no label in its name; name it like red_dress")
    if blank := next((word for word in words if word.split() != [word]), None):
        one, each = (SEPARATOR.join(mark.join(word.split()) for word in words) for mark in ("-", SEPARATOR))
        better = one if one == each else f"{each} where each word is a label, or {one} where they are one"
        raise DatasetError(f"folder {name!r} has a blank in the label {blank!r}; name it {better}")
    if len(set(words)) != len(words):
        raise DatasetError(f"folder {name!r} names a label twice; name it like red_dress")
    if mark := next((mark for mark in DELIMITERS if mark in name), None):
        raise DatasetError(f"folder {name!r} has a {mark!r} in a label, which separates labels; name it like red_dress")
    return words


def infer_groups(combinations: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Group labels by word position, counted from the last word, since the noun comes last."""
    combinations = [tuple(labels) for labels in combinations if labels]
    depth = max(len(labels) for labels in combinations)
    position: dict[str, int] = {}
    for labels in combinations:
        for index, label in enumerate(labels, start=depth - len(labels)):
            if position.setdefault(label, index) != index:
                words = ", ".join(sorted({word for labels in combinations for word in labels}))
                raise DatasetError(
                    f"label {label!r} has different positions in {_describe_conflict(combinations)} "
                    f"which exclude each other of {words}, as in --groups '{GROUPS_EXAMPLE}'"
                )
    names = TWO_WORDS if depth == 2 else ("label",) if depth == 1 else [f"word{i + 1}" for i in range(depth)]
    return {
        name: tuple(sorted(label for label, at in position.items() if at == index)) for index, name in enumerate(names)
    }


def _describe_conflict(combinations: Iterable[Sequence[str]]) -> str:
    """Where positions conflict, and what to do: two combinations of the same words in two orders, if there are."""
    first: dict[tuple[str, ...], Sequence[str]] = {}
    for labels in combinations:
        if (other := first.setdefault(tuple(sorted(labels)), labels)) != labels:
            pair = f"{SEPARATOR.join(other)} and {SEPARATOR.join(labels)}"
            return f"{pair}, the same words in two orders: rename one, or say"
    return "folder names, so its group is unclear; say"


def _visible(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if not entry.name.startswith("."))


def _find_ignored(root: Path) -> list[Path]:
    """What a user may take for photos of the data set: files outside of its folders, and other files inside."""
    loose = [path for path in _visible(root) if path.is_file() and path.suffix.lower() not in {"", *NOTES}]
    return loose + [path for folder in _visible(root) if folder.is_dir() for path in find_ignored(folder)]


def _from_folders(root: Path) -> list[Photo]:
    folders = [entry for entry in _visible(root) if entry.is_dir()]
    if not folders:
        raise DatasetError(f"data set {root} has no folder in it; it should hold folders named like red_dress")
    photos = [
        Photo(path.relative_to(root).as_posix(), labels)
        for folder in folders
        for labels in [split_words(folder.name)]
        for path in find_images(folder)
    ]
    if not photos:
        raise DatasetError(f"data set {root} holds no photo; put photos into folders named like red_dress")
    files = [photo.file for photo in photos]
    _check_utf8(root, files)
    if invalid := [file for file in files if not _is_listable(file)]:
        count = pluralize(len(invalid), "photo")
        raise DatasetError(
            f"a backslash or carriage return in {count} of {root}, the first {invalid[0]!r}; rename them"
        )
    return photos


def _check_utf8(root: Path, files: Sequence[str]) -> None:
    """The lists of a run are UTF-8; without this, writing them would fail after the training."""
    if invalid := [legible(file) for file in files if legible(file) != file]:
        count = pluralize(len(invalid), "photo")
        raise DatasetError(f"names below {root} are not UTF-8: {count}, the first {invalid[0]}; rename them")


def _is_listable(file: str) -> bool:
    """Whether fashion-export accepts the name in split.csv."""
    return "\\" not in file and "\r" not in file


def _from_csv(file: Path) -> list[Photo]:
    rows = _read_rows(file)
    photos = [_csv_photo(file, number, row) for number, row in rows.items()]
    lines_of: dict[str, int] = {}
    for number, photo in zip(rows, photos, strict=True):
        if (before := lines_of.setdefault(photo.file, number)) != number:
            raise DatasetError(f"{file} lines {before} and {number} both name {photo.file}; keep one of them")
    if not any(photo.labels for photo in photos):
        raise DatasetError(f"data set {file} gives no photo a label")
    return photos


def _read_rows(file: Path) -> dict[int, Row]:
    """The rows of a CSV file by the line where each begins."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            rows: dict[int, Row] = {reader.line_num - _line_breaks(row): row for row in reader}
    except UnicodeDecodeError as error:
        raise DatasetError(f"data set {file} is not a folder, nor a CSV file in UTF-8; save it as CSV UTF-8") from error
    except csv.Error as error:
        why = f"cannot be read as CSV ({error}); is a quotation mark not closed?"
        raise DatasetError(f"data set {file} {why}") from error
    if not rows:
        raise DatasetError(f"data set {file} has no row; it should have the columns file,labels")
    if not {"file", "labels"} <= set(reader.fieldnames or ()):
        there = ", ".join(name for name in reader.fieldnames or () if name)
        raise DatasetError(f"data set {file} has no columns file,labels; its first line names {there}")
    return rows


def _line_breaks(row: Row) -> int:
    """How many lines an open quotation mark adds to a row."""
    return sum(text.rstrip("\n").count("\n") for text in row.values() if isinstance(text, str))


def _csv_photo(file: Path, number: int, row: Row) -> Photo:
    name, text = row["file"] or "", row["labels"]
    if "\n" in f"{name}{text}" and (text is None or "," in text):
        raise DatasetError(f"{file} line {number}: a quotation mark is not closed on its line; close it or remove it")
    if not name or Path(name).is_absolute() or ".." in Path(name).parts or not _is_listable(name):
        raise DatasetError(f"{file} line {number}: file {name!r} must be a path below the CSV file's folder, with /")
    if text is None or None in row or any(mark in text for mark in DELIMITERS):
        example = f"as in {name},red dress, or {name}, for a photo without labels"
        raise DatasetError(f"{file} line {number}: give the labels in one column, separated by blanks, {example}")
    words = tuple(normalize_label(text).split())  # as folder names are read
    if len(set(words)) != len(words):
        raise DatasetError(f"{file} line {number}: a label is repeated")
    return Photo(PurePosixPath(name).as_posix(), words)
