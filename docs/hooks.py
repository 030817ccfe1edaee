"""Hook of mkdocs: corrects the option tables of mkdocs-click, which prints click's internal value for "no default"."""

from typing import Any


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with empty cells for options without a default."""
    return html.replace("<code>Sentinel.UNSET</code>", "")
