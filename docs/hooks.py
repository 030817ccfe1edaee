"""Hooks of the documentation site: what mkdocs-click and griffe do not do by themselves."""

import re
from typing import Any

import griffe


def on_page_content(html: str, **_: Any) -> str:
    """Empty the cells of options without a default, where mkdocs-click prints click's internal value."""
    return re.sub(r"<td><code>(Sentinel\.UNSET|None)</code></td>", "<td></td>", html)


class Examples(griffe.Extension):
    """Render "Example:" sections as code: griffe knows only the plural of Google style."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section of one docstring."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
