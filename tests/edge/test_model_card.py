"""The model card that runs and bundles share."""

from fashion_edge.decide import LabelSpace
from fashion_edge.model_card import combinations_table, markdown_table, write_model_card

SPACE = LabelSpace(("red", "dress"), {"colour": ("red",)}, {"red": 0.3, "dress": 0.4})


def test_card_has_the_sections_of_the_hub_in_order():
    card = write_model_card(
        "first",
        "An image classifier.",
        SPACE,
        details=["Network: compact"],
        training_data=["Data set `photos`."],
        evaluation=["Exact match 98.00%."],
        limitations=["It was trained on ten photos."],
    )
    sections = [line for line in card.splitlines() if line.startswith("#")]
    titles = ["# Model card: first", "## Training data", "## Evaluation", "## Thresholds", "## Limitations"]
    assert sections == titles
    assert "- Labels: red, dress\n- colour (mutually exclusive): red\n- Network: compact\n" in card
    assert "red 0.300, dress 0.400" in card
    assert card.endswith("- It was trained on ten photos.\n")


def test_tables_align_numbers_to_the_right():
    assert combinations_table({"red dress": 1200, "": 3}) == (
        "| combination | photos |\n|---|---:|\n| red dress | 1,200 |\n| no label | 3 |"
    )
    assert markdown_table(("file", "needs"), [("a", "b")], numeric=False) == "| file | needs |\n|---|---|\n| a | b |"
