"""RESULTS.md and its CSV files say what metrics.json says, beside what a reader must know about it."""

import csv
import json
from pathlib import Path

import pytest

from asheard.corpora.chains import CHAINS, COPY_CANONICAL, FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN
from asheard.corpora.records import Prediction
from asheard.evaluation import ChainRun, evaluate_runs, write_report
from asheard.evaluation.labels import PER
from asheard.evaluation.metrics import ByGroup, ChainSummary, ConfidenceIntervals, Design, Metrics
from asheard.evaluation.report.background import design
from asheard.evaluation.steps import read_metrics
from support.markdown import Section, parse_markdown, tables_of
from support.small_study import CONTEXT, NOTE, TEST, heard

MAX_COLUMNS = 6


def results_of(folder: Path) -> dict[str, Section]:
    return parse_markdown((folder / "RESULTS.md").read_text())


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def results(small_study: Path) -> dict[str, Section]:
    return results_of(small_study)


def test_results_open_with_one_screen(small_study: Path, results: dict[str, Section]) -> None:
    first = results["Results: small"]
    note, answer, _signature, _how_to_read, terms, picture = first.paragraphs
    assert note == f"> **{NOTE}**"
    assert answer.count(". ") == 1  # two sentences
    assert "The faithful transcriber is a **GO**" in answer
    assert "should live **in both the encoder and the scorer**" in answer
    (table,) = first.tables
    assert table.header == ["chain", "PER", "collapse", "FRR by class", "atypical errors caught", "strict F1"]
    assert set(table.header[1:]) <= {line.removeprefix("- **").split("**")[0] for line in terms.splitlines()}
    assert picture == "![Collapse by chain and first language](plots/collapse.png)"
    assert list(results)[1] == "Verdict"


def test_results_have_every_section(small_study: Path, results: dict[str, Section]) -> None:
    verdict = json.loads((small_study / "verdict.json").read_text())
    assert results["Verdict"].paragraphs[1].splitlines() == [f"- {reason}" for reason in verdict["reasons"]]
    assert (
        "Prompts read both in test and in training: 31, in 62 training utterances. Fine-tuned chains were trained on "
        "these sentences; off-the-shelf was not." in results["Ranking"].paragraphs
    )
    assert "share speakers (Hindi-A, Hindi-B, " in results["What was left out, and why"].text
    (excluded,) = results["What was left out, and why"].tables
    assert excluded.row("training utterances that hold err")["count"] == "7"
    (curve,) = results["How p_min was chosen"].tables
    assert curve.rows[1] == {"p_min": "1", "FRR by class": "20.00", "atypical errors caught": "n/a"}
    chosen = results["How p_min was chosen"].text
    assert "p_min is 0.05, over 99 ok or L1-typical positions and 8 errors." in chosen
    assert "LONE" in chosen
    (validation,) = results["Validation by epoch"].tables
    assert (validation.column("val PER"), validation.column("val L1 accuracy")) == (
        ["34.56", "25.00"],
        ["n/a", "62.50"],
    )
    assert results["Definitions"].paragraphs[1].startswith("- **PER**: ")
    text = (small_study / "RESULTS.md").read_text()
    assert all(f"](plots/{picture.name})" in text for picture in (small_study / "plots").iterdir())
    assert "<" not in text.replace("<1e-300", "").replace("p < ", "")  # no HTML


def test_tables_are_small_and_signed(small_study: Path, results: dict[str, Section]) -> None:
    signature = json.loads((small_study / "metrics.json").read_text())["signature"]
    tables = list(tables_of(results))
    assert len(tables) >= 12
    assert all(len(table.header) <= MAX_COLUMNS for table in tables)
    assert {table.below for table in tables} == {f"`{signature}`"}


def test_tables_line_up_as_plain_text(small_study: Path) -> None:
    for block in (small_study / "RESULTS.md").read_text().split("\n\n"):
        if block.startswith("|"):
            assert len({(len(line), line.count("|")) for line in block.splitlines()}) == 1


def test_tables_of_chains_end_with_copying_the_canonical(results: dict[str, Section]) -> None:
    by_chain = [table for table in tables_of(results) if table.header[0] == "chain" and "epoch" not in table.header]
    assert len(by_chain) == 13
    assert all(table.column("chain")[-1] == COPY_CANONICAL for table in by_chain)
    (ranking,) = results["Ranking"].tables
    ranks = dict(zip(ranking.column("chain"), ranking.column("rank"), strict=True))
    assert ranks[COPY_CANONICAL] == ranks[L1_ENCODER_UNKNOWN] == "-"
    assert sorted(ranks[chain] for chain in CHAINS) == ["1", "2", "3", "4"]
    given, _ = results["The L1 encoder with the L1 declared and unknown"].tables
    assert given.column("L1 is") == ["declared", "unknown", COPY_CANONICAL]


def test_tables_say_what_metrics_json_says(small_study: Path, results: dict[str, Section]) -> None:
    metrics = read_metrics(small_study)
    summary = metrics.chains[FAITHFUL]
    low, high = summary.intervals.pooled.values[PER]
    (first,) = results["Results: small"].tables
    assert first.column("chain") == [*metrics.with_copy_canonical()]
    assert first.row(FAITHFUL)["PER"] == f"{100 * summary.pooled.per:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    counts, rates, f1, edits = results["Published metrics"].tables
    assert counts.row(FAITHFUL)["TA"] == f"{summary.pooled.published.ta:.0f}"
    assert rates.row(FAITHFUL)["DER"].startswith(f"{100 * summary.pooled.published.der:.2f} [")
    assert f1.row(FAITHFUL)["F1"].startswith(f"{100 * summary.pooled.published.f1:.2f} [")
    assert edits.row(FAITHFUL)["deletions"] == f"{summary.pooled.edits.deletions:.0f}"
    spread, seeds = results["Spread over training seeds"].tables
    least, most = summary.spread.pooled[PER]
    assert spread.row(FAITHFUL)["PER"] == f"{100 * least:.2f} to {100 * most:.2f}"
    assert seeds.row(FAITHFUL)["seeds"] == "1, 2"


def test_verdict_shows_its_pairs_and_differences_csv_all(small_study: Path, results: dict[str, Section]) -> None:
    metrics = read_metrics(small_study)
    (pairs,) = results["Verdict"].tables
    assert list(zip(pairs.column("metric"), pairs.column("chain"), strict=True)) == [
        ("collapse", FAITHFUL), ("PER", FAITHFUL), ("collapse", L1_ENCODER), ("FRR by class", L1_ENCODER),
        ("PER", L1_ENCODER), ("FRR by class", CHAINS[3]), ("atypical errors caught", CHAINS[3]),
    ]  # fmt: skip
    rows = csv_rows(small_study / "differences.csv")
    assert len(rows) == len(metrics.differences)
    for row, record in zip(rows, metrics.differences, strict=True):
        assert (row["metric"], row["chain"], row["reference"]) == (record.metric.name, record.chain, record.reference)
        assert row["difference"] == f"{100 * record.difference:+.2f}"
    shown = {(row["metric"], row["chain"], row["reference"]): row for row in rows}
    for pair in pairs.rows:
        row = shown[pair["metric"], pair["chain"], pair["reference"]]
        assert pair["difference"] == f"{row['difference']} [{row['low']}, {row['high']}]"
        assert (pair["p"], pair["p, Holm"]) == (row["p"] or "n/a", row["p_holm"] or "n/a")


def test_each_l1_has_its_habit(small_study: Path, results: dict[str, Section]) -> None:
    for l1, canonical, said in (("Hindi", "t", "s"), ("Korean", "z", "d")):
        rates, confusions, missed = results[l1].tables
        assert rates.column("chain")[-1] == COPY_CANONICAL
        assert f"Most frequent: {canonical} said {said} (" in results[l1].text
        assert (confusions.rows[0]["phone"], confusions.rows[0]["said"]) == (canonical, said)
        assert missed.rows[0]["error"] == f"{canonical} → {said}"
    assert "Test speakers: Hindi-A, Hindi-B, Hindi-C, Hindi-D." in results["Hindi"].text


def test_csv_files_hold_what_the_tables_leave_out(small_study: Path, results: dict[str, Section]) -> None:
    summary = read_metrics(small_study).chains[FAITHFUL]
    by_l1 = {(row["l1"], row["metric"], row["chain"]): row for row in csv_rows(small_study / "by-l1.csv")}
    assert by_l1["Hindi", "D1 AUC", FAITHFUL]["value"] == f"{summary.per_l1['Hindi'].d1.auc:.3f}"
    row = by_l1["Korean", "PER", FAITHFUL]
    assert results["Korean"].tables[0].row(FAITHFUL)["PER"] == f"{row['value']} [{row['low']}, {row['high']}]"
    confusions = csv_rows(small_study / "confusions.csv")
    (share,) = [
        row["per_cent"]
        for row in confusions
        if (row["l1"], row["phone"], row["said_or_written"], row["other_phone"]) == ("Hindi", "t", "said", "s")
    ]
    assert results["Hindi"].tables[1].row("t")["said, %"] == share
    phones = csv_rows(small_study / "collapse-by-phone.csv")
    table = results["Phones and positions that collapse most"].tables[0]
    for name, cell in zip(table.column("phone"), table.column(FAITHFUL), strict=True):
        (row,) = [row for row in phones if (row["name"], row["chain"]) == (name, FAITHFUL)]
        assert cell == f"{row['collapse']} [{row['low']}, {row['high']}]"


def test_ranking_by_per_alone_puts_copying_high(tmp_path: Path) -> None:
    deaf = [Prediction(row.utt, row.speaker, "deaf", ("t",)) for row in TEST]
    runs = [ChainRun(chain="deaf", predictions=deaf), ChainRun(chain="keen", predictions=heard(TEST, 0, 1))]
    evaluate_runs(TEST, runs, out=tmp_path, context=CONTEXT)
    write_report(tmp_path)
    results = results_of(tmp_path)
    assert "Its PER is lower than that of 1 of the 2 ranked chains" in results["Ranking"].text
    assert "Every chain was run with one seed" in results["Spread over training seeds"].text
    (pairs,) = results["Differences between chains"].tables
    assert set(pairs.column("metric")) == {"PER", "collapse"}


def design_of(num_folds: int, speakers: dict[str, list[str]], units: str, num_units: int) -> str:
    intervals = ConfidenceIntervals(units=units, num_units=num_units, values={})
    summary = ChainSummary(
        pooled=None, per_l1={}, per_seed={}, spread=ByGroup({}, {}), intervals=ByGroup(intervals, {})
    )
    metrics = Metrics(
        signature="", design=Design(num_folds=num_folds, speakers=speakers, num_resamples=10_000, level=0.95),
        copy_canonical=summary, chains={}, differences=(), warnings=(), excluded={}, scheme=None, not_ranked={},
    )  # fmt: skip
    return "\n".join(design(metrics))


def test_design_says_what_it_cannot_show() -> None:
    fixed = design_of(1, {"Hindi": ["TNI"], "Korean": ["YKWK"]}, "speakers", 2)
    for words in ("One fixed split", "Hindi: TNI", "confounded", "**within-speaker**", "rest on 2 speakers"):
        assert words in fixed
    assert "Several test speakers" not in fixed
    rotated = design_of(4, {"Hindi": ["A", "B", "C", "D"], "Korean": ["E", "F", "G", "H"]}, "speakers", 8)
    for words in ("**4 folds.** 8 speakers were tested", "without any recording of that speaker", "are seen"):
        assert words in rotated
    assert "confounded" not in rotated
    alone = design_of(1, {"Hindi": ["TNI"]}, "utterances", 150)
    assert "the 150 utterances of the one speaker (within-speaker)" in alone
    assert "Pooled intervals rest on" not in alone
