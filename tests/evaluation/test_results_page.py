"""docs/results.md repeats numbers of the reports; they must agree."""

import shlex
from pathlib import Path

import pytest

from asheard.evaluation.steps import read_metrics
from support.markdown import parse_markdown, tables_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE = parse_markdown((DOCS / "results.md").read_text(encoding="utf-8"))


def test_page_has_small_tables() -> None:
    assert all(len(table.header) <= 6 for table in tables_of(PAGE))


@pytest.mark.parametrize(
    ("heading", "corpus"),
    [("speechocean762", "speechocean762"), ("L2-ARCTIC", "l2arctic-clips"), ("EpaDB", "epadb")],
)
def test_page_agrees_with_the_real_results(heading: str, corpus: str) -> None:
    report = parse_markdown((DOCS / "real-results" / "RESULTS.md").read_text(encoding="utf-8"))
    (shown,), (written,) = PAGE[heading].tables, report[corpus].tables
    cells = [{name: cell.replace("*", "") for name, cell in row.items()} for row in shown.rows]
    assert (shown.header, cells) == (written.header, written.rows)


def test_page_agrees_with_the_embedded_results() -> None:
    metrics = read_metrics(DOCS / "embedded-results")
    (shown,) = PAGE["The embedded study"].tables
    summaries = metrics.with_copy_canonical()
    assert len(shown.rows) == len(summaries)
    for row, (chain, summary) in zip(shown.rows, summaries.items(), strict=True):
        assert row["chain"].strip("*").partition(" (")[0] in chain
        for metric in metrics.scheme.first_metrics:
            value = metric.of(summary.pooled)
            low, high = summary.intervals.pooled.values[metric]
            expected = [100 * number for number in (value, low, high)]
            written = row[metric.name].replace("[", "").replace("]", "").replace(",", "").split()
            assert [float(cell) for cell in written] == pytest.approx(expected[: len(written)], abs=0.0501)


def commands() -> list[list[str]]:
    text = (DOCS / "results.md").read_text(encoding="utf-8").replace("\\\n", "")
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("    asheard ")]


@pytest.mark.parametrize("words", commands(), ids=lambda words: words[0])
def test_page_commands_have_known_options(words: list[str]) -> None:
    """The commands need corpora or an hour, so they are parsed and not run."""
    import typer

    from asheard.cli import app

    command = typer.main.get_command(app)
    name, *arguments = words
    command.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
