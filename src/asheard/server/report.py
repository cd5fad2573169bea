"""Render a study's report: Markdown becomes a tree of a few safe elements, and the page builds them one by one.

No HTML text is made anywhere, so nothing in a report can become a script or load anything from elsewhere.
"""

import re
from collections.abc import Collection
from typing import Final, get_args

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from asheard.server.schemas import ReportNode, Tag

_TAGS: Final = frozenset(get_args(Tag))
_LEFT_OUT: Final = re.compile(r"</?(?:sub|sup|br)\s*/?>")  # the only HTML in our reports
_ALIGNMENT: Final = re.compile(r"text-align:\s*(right|center)")


def render_report(markdown: str, plots: Collection[str] = (), tables: Collection[str] = ()) -> list[ReportNode | str]:
    """Render Markdown to elements.

    Args:
        markdown: CommonMark with tables. HTML in it becomes text, except <sub>, <sup> and <br>, which are left out.
        plots: file names of the study's own plots. Any other picture becomes its alternative text.
        tables: file names of the study's own CSV files.
    Returns:
        Elements and texts in order. A link is kept if it starts with https:// or names one of `tables`; any other
        becomes its text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return _render(SyntaxTreeNode(parser.parse(_LEFT_OUT.sub("", markdown))), frozenset(plots), frozenset(tables))


def _render(node: SyntaxTreeNode, plots: frozenset[str], tables: frozenset[str]) -> list[ReportNode | str]:
    if node.type == "softbreak":
        return ["\n"]
    if node.type in ("code_inline", "code_block", "fence"):
        return [ReportNode(tag="code" if node.type == "code_inline" else "pre", children=[node.content])]
    if node.type == "image":
        plot = str(node.attrs.get("src", "")).removeprefix("plots/")
        return [ReportNode(tag="img", plot=plot, alt=node.content)] if plot in plots else [node.content]
    children = [part for child in node.children for part in _render(child, plots, tables)]
    if node.is_root:
        return children
    if node.type == "link":
        href = str(node.attrs.get("href", ""))
        if href in tables:
            return [ReportNode(tag="a", table=href, children=children)]
        return [ReportNode(tag="a", href=href, children=children)] if href.startswith("https://") else children
    if node.tag not in _TAGS or _is_tight(node):
        return children or ([node.content] if not node.is_nested and node.content else [])
    alignment = _ALIGNMENT.match(str(node.attrs.get("style", "")))
    fields = {"tag": node.tag, "children": children, "align": alignment[1] if alignment else None}
    return [ReportNode.model_validate(fields)]


def _is_tight(node: SyntaxTreeNode) -> bool:
    """Whether it is a paragraph of a list without blank lines, which makes no element."""
    return node.nester_tokens is not None and node.nester_tokens.opening.hidden
