"""MODEL_CARD.md, with the sections that the card of a run and that of a bundle share.

Source: Mitchell et al., "Model cards for model reporting", 2019; sections as on the Hugging Face Hub.
"""

from collections.abc import Iterable, Mapping, Sequence

from fashion_edge.decide import LabelSpace

NO_LABEL = "no label"  # how tables call photos that carry none
LIMITATIONS = (
    "The figures hold for photos like those of the data set. Other cameras, light, backgrounds, body shapes and skin "
    "tones were not evaluated unless a line above says so.",
    "The model knows its labels only; an object or a colour that is none of them may still get a label.",
    "Colour names stand for ranges without a sharp edge: whether navy counts as black, or burgundy as brown, follows "
    "the labels of the training photos.",
    "It describes garments, not people; do not use it to identify or assess anyone.",
)


def write_model_card(
    name: str,
    summary: str,
    space: LabelSpace,
    *,
    details: Iterable[str],
    training_data: Iterable[str],
    evaluation: Iterable[str],
    limitations: Iterable[str] = (),
) -> str:
    """Write a model card.

    Args:
        name: of the run or the bundle.
        summary: what the model computes, one paragraph.
        space: labels, groups and thresholds.
        details: lines of the list below the summary, such as `Network: compact`.
        training_data: paragraphs of Markdown.
        evaluation: paragraphs of Markdown.
        limitations: sentences in addition to `LIMITATIONS`.

    Returns:
        The text of MODEL_CARD.md.
    """
    facts = [
        f"Labels: {', '.join(space.labels)}",
        *(f"{group} (mutually exclusive): {', '.join(members)}" for group, members in space.groups.items()),
        *details,
    ]
    thresholds = ", ".join(f"{label} {threshold:.3f}" for label, threshold in space.thresholds.items())
    sections = [
        f"# Model card: {name}",
        summary,
        bullets(facts),
        "## Training data",
        *training_data,
        "## Evaluation",
        *evaluation,
        "## Thresholds",
        f"A score at or above its threshold counts: {thresholds}.",
        "## Limitations",
        bullets([*LIMITATIONS, *limitations]),
    ]
    return "\n\n".join(sections) + "\n"


def combinations_table(counts: Mapping[str, int]) -> str:
    """Photos per combination of labels."""
    return markdown_table(("combination", "photos"), [(name or NO_LABEL, f"{n:,}") for name, n in counts.items()])


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: bool = True) -> str:
    """A Markdown table; where `numeric`, all columns but the first are aligned to the right."""
    rule = "|---" + ("|---:" if numeric else "|---") * (len(columns) - 1) + "|"
    lines = ["| " + " | ".join(columns) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines)


def bullets(sentences: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)
