"""Reports: Markdown becomes safe elements; what is hostile in it becomes text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from asheard.server.report import render_report
from asheard.server.schemas import ReportNode

REPORT = Path(__file__).parents[2] / "docs" / "embedded-results" / "RESULTS.md"


def render(markdown: str) -> list[object]:
    """Elements as (tag, children), with the attributes that are set. The study has a plot and a table."""
    return [dumped(node) for node in render_report(markdown, ["a.png"], ["a.csv"])]


def dumped(node: ReportNode | str) -> object:
    if isinstance(node, str):
        return node
    attributes = node.model_dump(exclude_defaults=True, exclude={"tag", "children"})
    children = [dumped(child) for child in node.children]
    return (node.tag, children, attributes) if attributes else (node.tag, children)


def texts(nodes: list[ReportNode | str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        else:
            yield from texts(node.children)


def nodes_of(nodes: list[ReportNode | str]) -> Iterator[ReportNode]:
    for node in nodes:
        if isinstance(node, ReportNode):
            yield node
            yield from nodes_of(node.children)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# A *b* **c**", [("h1", ["A ", ("em", ["b"]), " ", ("strong", ["c"])])]),
        ("one\ntwo\n\nthree", [("p", ["one", "\n", "two"]), ("p", ["three"])]),
        ("- one\n- two `x`", [("ul", [("li", ["one"]), ("li", ["two ", ("code", ["x"])])])]),
        ("- one\n\n- two", [("ul", [("li", [("p", ["one"])]), ("li", [("p", ["two"])])])]),
        ("> said", [("blockquote", [("p", ["said"])])]),
        ("```\nx <b>\n```", [("pre", ["x <b>\n"])]),
        ("[x](https://x.example)", [("p", [("a", ["x"], {"href": "https://x.example"})])]),
        ("[x](a.csv)", [("p", [("a", ["x"], {"table": "a.csv"})])]),
        ("![alt](plots/a.png)", [("p", [("img", [], {"plot": "a.png", "alt": "alt"})])]),
        ("<sub>`x`</sub> a<br>b", [("p", [("code", ["x"]), " ab"])]),
    ],
)
def test_render_elements(markdown, expected):
    assert render(markdown) == expected


def test_render_table():
    (table,) = render("| a | b |\n|---|--:|\n| 1 | **2** |")
    assert table == (
        "table",
        [
            ("thead", [("tr", [("th", ["a"]), ("th", ["b"], {"align": "right"})])]),
            ("tbody", [("tr", [("td", ["1"]), ("td", [("strong", ["2"])], {"align": "right"})])]),
        ],
    )


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "a <b onclick=alert(1)>b</b>",
        "<iframe src='https://x.example'></iframe>",
        "<!-- <script> -->",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](http://x.example)",
        "[x](//x.example)",
        "[x](/loaded/asheard-tiny)",
        "[x](other.csv)",
        "[x](plots/../a.csv)",
        "<javascript:alert(1)>",
        "![x](https://x.example/a.png)",
        "![x](//x.example/a.png)",
        "![x](plots/../verdict.json)",
        "![x](plots/other.png)",
        "![x](data:image/svg+xml,<svg onload=alert(1)>)",
        "[x][1]\n\n[1]: javascript:alert(1)",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_render_hostile_markdown_gives_text(markdown):
    """No link, no picture and no element but a paragraph comes of it, and its words stay."""
    nodes = render_report(markdown, ["a.png"], ["a.csv"])
    assert {node.tag for node in nodes_of(nodes)} <= {"p"}
    assert "".join(texts(nodes))


def test_render_loses_no_text_of_a_report():
    """The report of the embedded study: every cell and word is there, and every plot is a picture."""
    markdown = REPORT.read_text(encoding="utf-8")
    plots = [path.name for path in (REPORT.parent / "plots").iterdir()]
    tables = [path.name for path in REPORT.parent.glob("*.csv")]
    nodes = render_report(markdown, plots, tables)
    inline = [token for token in MarkdownIt("commonmark").enable("table").parse(markdown) if token.children]
    expected = [
        part.content for token in inline for part in token.children or [] if part.type in ("text", "code_inline")
    ]
    found = list(texts(nodes))
    assert [text for text in expected if text] == [text for text in found if text.strip("\n")]
    assert {node.plot for node in nodes_of(nodes) if node.tag == "img"} <= set(plots)
    assert {node.table for node in nodes_of(nodes) if node.tag == "a"} == set(tables)
    assert sum(node.tag == "img" for node in nodes_of(nodes)) == markdown.count("](plots/")
