"""RESULTS.md says what metrics.json says, beside what a reader must know about it."""

import json
from pathlib import Path

from asheard.corpora.records import Prediction
from asheard.evaluation import CHAINS, FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, ChainRun, evaluate_runs, write_report
from asheard.evaluation.report.background import design
from asheard.evaluation.systems import COPY_CANONICAL
from support.small_study import CONTEXT, NOTE, TEST, heard


def test_results_say_what_they_must(small_study: Path) -> None:
    text = (small_study / "RESULTS.md").read_text()
    assert "share speakers (Hindi-A, Hindi-B, " in text
    metrics = json.loads((small_study / "metrics.json").read_text())
    assert NOTE in "\n".join(text.splitlines()[:5])
    for words in (
        metrics["signature"],
        "The faithful transcriber: **GO**",
        "**in both the encoder and the scorer**",
        "training utterances that hold err",
        "Prompts read both in test and in training: 31, in 62 training utterances. Fine-tuned chains have heard",
        "on held-out prompts of the training speakers",
        "p_min is 0.05",
        "99 ok or L1-typical positions and 8 errors",
        "LONE",
        "34.56",
        "62.50",
        "n/a",
        "## What is counted",
        "t said s",
        "z said d",
        "declared",
        "unknown",
    ):
        assert words in text
    for reason in json.loads((small_study / "verdict.json").read_text())["reasons"]:
        assert f"- {reason}" in text
    for picture in (small_study / "plots").iterdir():
        assert f"](plots/{picture.name})" in text
    per = 100 * metrics["chains"][FAITHFUL]["pooled"]["per"]
    assert f"{per:.2f} [" in text


def blocks_of(folder: Path) -> list[str]:
    return (folder / "RESULTS.md").read_text().rstrip("\n").split("\n\n")


def table_after(folder: Path, heading: str) -> list[list[str]]:
    """The first table below a heading, cell by cell."""
    blocks = blocks_of(folder)
    table = next(block for block in blocks[blocks.index(heading) :] if block.startswith("|"))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def test_copying_the_canonical_stands_in_every_table_of_chains_and_has_no_rank(small_study: Path) -> None:
    tables = [block.splitlines() for block in blocks_of(small_study) if block.startswith("|")]
    by_row = [lines for lines in tables if any(line.startswith(f"| {L1_ENCODER} ") for line in lines)]
    by_column = [lines for lines in tables if FAITHFUL in lines[0] and lines[0].startswith("| L1 ")]
    assert (len(by_row), len(by_column)) == (7, 10)  # one of them validation, which has no such row
    assert sum(lines[-1].startswith(f"| {COPY_CANONICAL} ") for lines in by_row) == 6
    assert all(COPY_CANONICAL in lines[0] for lines in by_column)
    header, *lines = table_after(small_study, "## Ranking")
    ranks = {line[0]: line[header.index("rank")] for line in lines}
    assert ranks[COPY_CANONICAL] == ranks[L1_ENCODER_UNKNOWN] == "-"
    assert sorted(ranks[chain] for chain in CHAINS) == ["1", "2", "3", "4"]


def test_below_each_table_stands_the_signature(small_study: Path) -> None:
    signature = json.loads((small_study / "metrics.json").read_text())["signature"]
    blocks = blocks_of(small_study)
    below = [blocks[index + 1] for index, block in enumerate(blocks) if block.startswith("|")]
    assert set(below) == {f"<sub>`{signature}`</sub>"}


def test_tables_say_what_metrics_json_says(small_study: Path) -> None:
    metrics = json.loads((small_study / "metrics.json").read_text())
    summary = metrics["chains"][FAITHFUL]
    low, high = summary["intervals"]["pooled"]["values"]["per"]
    header, *lines = table_after(small_study, "## Ranking")
    ranked = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert ranked[FAITHFUL]["PER"] == f"{100 * summary['pooled']['per']:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    header, *lines = table_after(small_study, "## Published metrics")
    published = dict(zip(header, next(line for line in lines if line[0] == FAITHFUL), strict=True))
    assert published["TA"] == f"{summary['pooled']['published']['ta']:.0f}"
    assert published["F1"] == f"{100 * summary['pooled']['published']['f1']:.2f}"
    header, *lines = table_after(small_study, "## Spread over training seeds")
    least, most = summary["spread"]["pooled"]["per"]
    spread = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert spread[FAITHFUL]["PER"] == f"{100 * least:.2f} to {100 * most:.2f}"
    assert spread[FAITHFUL]["seeds"] == "1, 2"
    header, *lines = table_after(small_study, "## Differences between chains")
    assert len(lines) == len(metrics["differences"])
    for line, record in zip(lines, metrics["differences"], strict=True):
        assert line[1:3] == [record["chain"], record["reference"]]
        assert line[3].startswith(f"{100 * record['difference']:+.2f} [")


def test_the_most_missed_error_of_an_l1_is_its_habit(small_study: Path) -> None:
    header, first, *_ = table_after(small_study, "## Errors most often missed")
    assert header[1:] == ["Hindi", "Korean"]
    assert first[1].startswith("t → s ")
    assert first[2].startswith("z → d ")


def test_per_alone_would_rank_a_copyist_high(tmp_path: Path) -> None:
    deaf = [Prediction(row.utt, row.speaker, "deaf", ("t",)) for row in TEST]
    runs = [ChainRun(chain="deaf", predictions=deaf), ChainRun(chain="keen", predictions=heard(TEST, 0, 1))]
    evaluate_runs(TEST, runs, out=tmp_path, context=CONTEXT)
    write_report(tmp_path)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "Its PER is lower than that of 1 of the 2 ranked chains" in text
    assert "Every chain was run with one seed" in text


def designed(num_folds: int, speakers: dict[str, list[str]], units: str, num_units: int) -> str:
    metrics = {
        "design": {"num_folds": num_folds, "speakers": speakers, "num_resamples": 10_000, "level": 0.95},
        "copy_canonical": {"intervals": {"pooled": {"units": units, "num_units": num_units}}},
    }
    return "\n".join(design(metrics))


def test_the_design_is_told_with_what_it_cannot_show() -> None:
    fixed = designed(1, {"Hindi": ["TNI"], "Korean": ["YKWK"]}, "speakers", 2)
    for words in ("One fixed split", "Hindi: TNI", "confounded", "**within-speaker**", "rest on 2 speakers"):
        assert words in fixed
    assert "Several test speakers" not in fixed
    rotated = designed(4, {"Hindi": ["A", "B", "C", "D"], "Korean": ["E", "F", "G", "H"]}, "speakers", 8)
    for words in ("**4 folds.** 8 speakers were tested", "without any recording of that speaker", "is seen"):
        assert words in rotated
    assert "confounded" not in rotated
    alone = designed(1, {"Hindi": ["TNI"]}, "utterances", 150)
    assert "the 150 utterances of the one speaker (within-speaker)" in alone
    assert "are few" not in alone


def test_tables_line_up_as_plain_text(small_study: Path) -> None:
    tables = [block for block in (small_study / "RESULTS.md").read_text().split("\n\n") if block.startswith("|")]
    assert len(tables) >= 12
    for table in tables:
        assert len({(len(line), line.count("|")) for line in table.splitlines()}) == 1
