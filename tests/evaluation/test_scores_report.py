"""`asheard evaluate` and `asheard report` on gold of expert scores alone."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from asheard.cli import evaluate as commands
from asheard.corpora.chains import FAITHFUL, L1_ENCODER
from asheard.corpora.records import Utterance, write_manifest, write_predictions
from asheard.evaluation import ChainRun, Context, Evaluation, evaluate_runs
from asheard.evaluation.expert_scores import AUC, PCC
from asheard.evaluation.report.curve_figures import draw_tradeoff
from asheard.evaluation.report.distances import score_detection
from asheard.evaluation.report.document import results_text
from asheard.evaluation.report.style import figure_style
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from asheard.prior import build_prior
from support.figures import find_misplaced_texts
from support.markdown import parse_markdown
from support.scored_gold import scored, scoring
from support.small_gold import PHONES, run

app = typer.Typer()
app.command()(commands.evaluate)
app.command()(commands.report)


def speech(l1s: tuple[str, ...]) -> list[Utterance]:
    """Five speakers of each L1; a third of what they say is wrong or nearly so."""
    chance = random.Random(7)
    return [
        scored(
            f"u{index}",
            " ".join(f"{phone} {chance.choice([0, 0.4, 1, 1.8, 2, 2, 2])}" for phone in chance.choices(PHONES, k=8)),
            f"{l1}{index % 5}",
            l1,
        )
        for l1 in l1s
        for index in range(30)
    ]


def heard(gold: list[Utterance], collapse: float, seed: int) -> ChainRun:
    """Another phone where the score is low, but for a share of these, and here and there where it is not."""
    chance = random.Random(seed)
    texts = [
        " ".join(
            chance.choice(PHONES)
            if chance.random() < (0.1 if token.score >= 0.5 else 1 - collapse)
            else token.canonical
            for token in row.tokens
        )
        for row in gold
    ]
    return run(gold, texts, seed=seed)


def with_scores(gold: list[Utterance]) -> ChainRun:
    rng = np.random.default_rng(5)
    own = [tuple((rng.normal(0, 1, 8) + [token.score for token in row.tokens]).tolist()) for row in gold]
    return scoring(replace(heard(gold, 0.4, 9), chain="gop"), *own)


GOLD = speech(("Mandarin",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path / "gold.jsonl", GOLD)
    for name, one in {"keen": heard(GOLD, 0.1, 1), "deaf": heard(GOLD, 0.8, 2), "gop": with_scores(GOLD)}.items():
        write_predictions(tmp_path / f"{name}.jsonl", one.predictions)
    build_prior([("Hindi", "t", "d", None)], threshold=load_vectors().threshold).save(tmp_path / "prior.json")
    return tmp_path


def invoke(folder: Path, *arguments: str) -> Result:
    words = ["evaluate", "--gold", f"{folder}/gold.jsonl", "--out", f"{folder}/out", *arguments]
    return CliRunner().invoke(app, words)


def test_evaluate_ranks_chains_that_need_no_first_language(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chains = [f"--chain={name}={folder}/{name}.jsonl" for name in ("deaf", "keen", "gop")]
    about_l1 = [f"--chain={name}={folder}/keen.jsonl" for name in (L1_ENCODER, FAITHFUL)]
    (folder / "out").mkdir()
    (folder / "out" / "verdict.json").write_text("{}")  # of an earlier evaluation in the same folder
    prior = ["--prior", f"{folder}/prior.json", "--with-prior", FAITHFUL]
    monkeypatch.setenv("COLUMNS", "80")
    result = invoke(folder, *chains, *about_l1, *prior, "--train", f"{folder}/gold.jsonl")
    assert result.exit_code == 0, result.output
    output = result.output.replace("\n", " ")
    for name in (L1_ENCODER, "faithful+l1-prior"):
        assert f"{name} is not ranked: it needs several first languages, and the gold has one (Mandarin)." in output
    assert "Per cent (AUC and PCC as they are), means over seeds; best AUC first" in output
    _, *table = result.output[: result.output.index("copy")].splitlines()
    assert max(map(len, table)) <= 80

    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert (metrics["gold"], list(metrics["chains"])) == ("scores", ["deaf", "keen", "gop", FAITHFUL])
    assert metrics["signature"].endswith("|gold:scores:wrong<0.5,right>=1.8")
    assert metrics["warnings"] == []
    assert {record["metric"] for record in metrics["differences"]} == {
        "auc", "pcc", "collapse", "frr", "f1", "per_canonical"
    }  # fmt: skip
    summary = metrics["chains"]["gop"]
    assert summary["intervals"]["pooled"]["num_units"] == 5
    assert not (folder / "out" / "verdict.json").exists()

    results = parse_markdown((folder / "out" / "RESULTS.md").read_text())
    opening = results["Results: gold"]
    assert opening.paragraphs[0].startswith("No verdict: experts scored the phones")
    (first,) = opening.tables
    assert first.header == ["chain", "AUC", "PCC", "collapse", "FRR", "PER against canonical"]
    low, high = summary["intervals"]["pooled"]["values"]["pcc"]
    assert first.row("gop")["PCC"] == f"{summary['pooled']['pcc']:.3f} [{low:.3f}, {high:.3f}]"
    assert first.row("gop")["FRR"].startswith(f"{100 * summary['pooled']['frr']:.2f} [")
    assert first.row("copy the canonical")["collapse"] == "100.00 [100.00, 100.00]"
    assert first.row("copy the canonical")["PCC"] == "n/a"
    (ranking,) = results["Ranking"].tables
    ranks = dict(zip(ranking.column("chain"), ranking.column("rank"), strict=True))
    assert list(ranks)[-3:] == ["copy the canonical", L1_ENCODER, "faithful+l1-prior"]
    assert (ranks["gop"], ranks["deaf"], ranks["copy the canonical"], ranks[L1_ENCODER]) == (
        "1",
        "4",
        "-",
        "not ranked",
    )
    assert "By first language" not in results
    assert "L1-typical" not in (folder / "out" / "RESULTS.md").read_text()
    assert opening.paragraphs[-1] == "![False rejections against collapse](plots/frr-and-collapse.png)"
    (picture,) = (folder / "out" / "plots").iterdir()
    with Image.open(picture) as image:
        assert image.text["Description"] == metrics["signature"]


def test_report_runs_again_from_the_folder(folder: Path) -> None:
    assert invoke(folder, f"--chain=gop={folder}/gop.jsonl").exit_code == 0
    made = [folder / "out" / name for name in ("RESULTS.md", "plots/frr-and-collapse.png")]
    before = [path.read_bytes() for path in made]
    for path in made:
        path.unlink()
    result = CliRunner().invoke(app, ["report", f"{folder}/out"])
    assert result.exit_code == 0, result.output
    assert [path.read_bytes() for path in made] == before


def test_score_detection_reads_curves_at_the_lowest_frr() -> None:
    """Wrong phones at distances or scores 0 and 1, right ones likewise: two thresholds that matter."""
    gold = [scored("a", "t 0 d 0 s 2 z 2 i 2 ɪ 2")]
    own = scoring(replace(run(gold, ["t d s z i ɪ"]), chain="gop"), (-2.0, 1.0, 2.0, 2.0, 2.0, 0.5))
    runs = [run(gold, ["t s z i ɪ"]), own]
    rows = token_rows(gold, runs, vectors=load_vectors())
    (table,) = parse_markdown("\n\n".join(score_detection(rows, ["x", "gop"])))["FRR against collapse"].tables
    assert [table.row("x")[f"collapse to {share}%"] for share in (10, 40, 50)] == ["n/a", "n/a", "0.00"]
    assert [table.row("gop")[f"collapse to {share}%"] for share in (10, 40, 50)] == ["25.00", "25.00", "0.00"]


CONTEXT = Context(corpus="c", split="s")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    gold = speech(("Hindi", "Korean"))
    runs = [replace(heard(gold, 0.1, seed), chain="keen") for seed in (1, 2)]
    return evaluate_runs(gold, [*runs, with_scores(gold)], out=tmp_path_factory.mktemp("study"), context=CONTEXT)


def test_results_have_first_languages_and_seeds(study: Evaluation) -> None:
    results = parse_markdown(results_text(study.rows, study.metrics, CONTEXT, None))
    keen = study.metrics.chains["keen"]
    assert keen.pooled.auc == pytest.approx(np.mean([seed.auc for seed in keen.per_seed.values()]))
    low, high = keen.intervals.per_l1["Hindi"].values[AUC]
    (rates,) = results["Hindi"].tables
    assert rates.row("keen")["AUC"] == f"{keen.per_l1['Hindi'].auc:.3f} [{low:.3f}, {high:.3f}]"
    assert results["Hindi"].paragraphs[0] == "Intervals over 5 speakers:"
    assert "Korean" in results
    spread, _ = results["Spread over training seeds"].tables
    assert spread.row("gop")["PCC"] == "n/a"  # one seed
    least, most = keen.spread.pooled[PCC]
    assert spread.row("keen")["PCC"] == f"{least:.3f} to {most:.3f}"
    (pairs,) = results["Differences between chains"].tables
    record = study.metrics.differences[0]
    assert record.metric is AUC
    shown = next(pair for pair in pairs.rows if pair["metric"] == "AUC")
    assert shown["difference"] == f"{record.difference:+.3f} [{record.low:+.3f}, {record.high:+.3f}]"
    assert "the same 10 speakers" in results["Differences between chains"].text


def test_draw_tradeoff_keeps_texts_apart(study: Evaluation) -> None:
    with figure_style():
        assert find_misplaced_texts(draw_tradeoff(study.rows, study.metrics.chains)) == []
