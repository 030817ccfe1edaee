"""Hooks of the documentation site: what mkdocs-click and griffe do not do by themselves."""

import re
from typing import Any

import click
import griffe
from mkdocs_click import _docs

_describe_type = _docs._format_table_option_type


def _format_type(option: click.Option) -> str:
    """Name the type as `--help` does: SECONDS, WxH, MB."""
    shown = option.metavar
    if shown is None and isinstance(option.type, click.FloatRange):
        shown = option.type.get_metavar(option, click.Context(click.Command("")))
    return _describe_type(option).replace(option.type.name, shown, 1) if shown else _describe_type(option)


_docs._format_table_option_type = _format_type  # mkdocs-click has no setting for it


def on_page_content(html: str, **_: Any) -> str:
    """Empty the cells of options without a default, where mkdocs-click prints click's internal value."""
    return re.sub(r"<td><code>(Sentinel\.UNSET|None)</code></td>", "<td></td>", html)


class Examples(griffe.Extension):
    """Render "Example:" sections as code: griffe knows only the plural of Google style."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section of one docstring."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
