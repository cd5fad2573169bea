"""`asheard evaluate` and `asheard report` on small files."""

import json
from pathlib import Path

import pytest
import typer
from small_gold import GOLD
from typer.testing import CliRunner, Result

from asheard.cli import evaluate as commands
from asheard.corpora.records import Prediction, write_manifest, write_predictions
from asheard.errors import CorpusError
from asheard.phones import load_vectors
from asheard.prior import build_prior, rows_of

app = typer.Typer()
app.command()(commands.evaluate)
app.command()(commands.report)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path / "gold.jsonl", GOLD)
    for name, phones in (("one", ("d", "ə", "k")), ("two", ("z", "i"))):
        write_predictions(tmp_path / f"{name}.jsonl", [Prediction(r.utt, r.speaker, "x", phones) for r in GOLD])
    build_prior(rows_of(GOLD), threshold=load_vectors().threshold).save(tmp_path / "prior.json")
    return tmp_path


def invoke(folder: Path, *arguments: str) -> Result:
    words = ["evaluate", "--gold", f"{folder}/gold.jsonl", "--out", f"{folder}/out", *arguments]
    return CliRunner().invoke(app, words)


def test_evaluate_writes_everything_and_prints_a_table(folder: Path) -> None:
    chains = ["--chain", f"mine@1={folder}/one.jsonl", "--chain", f"mine@2={folder}/two.jsonl"]
    result = invoke(folder, *chains, "--chain", f"theirs={folder}/two.jsonl", "--train", f"{folder}/gold.jsonl")
    assert result.exit_code == 0, result.output
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert {name: list(summary["per_seed"]) for name, summary in metrics["chains"].items()} == {
        "mine": ["1", "2"],
        "theirs": ["0"],
    }
    assert "corpus:gold|split:2speakers" in metrics["signature"]
    per = 100 * metrics["chains"]["mine"]["pooled"]["per"]
    assert f"{per:.2f}" in result.output
    assert (folder / "out" / "RESULTS.md").exists()


def test_the_prior_stands_behind_the_chains_it_is_given_to(folder: Path) -> None:
    chains = ["--chain", f"plain={folder}/one.jsonl", "--chain", f"scored={folder}/one.jsonl"]
    result = invoke(folder, *chains, "--prior", f"{folder}/prior.json", "--with-prior", "scored")
    assert result.exit_code == 0, result.output
    assert "p_min:0.05" in json.loads((folder / "out" / "metrics.json").read_text())["signature"]


def test_report_runs_again_from_the_folder(folder: Path) -> None:
    invoke(folder, "--chain", f"mine={folder}/one.jsonl")
    before = (folder / "out" / "RESULTS.md").read_bytes()
    (folder / "out" / "RESULTS.md").unlink()
    result = CliRunner().invoke(app, ["report", f"{folder}/out"])
    assert result.exit_code == 0, result.output
    assert (folder / "out" / "RESULTS.md").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--chain", "one.jsonl"], "NAME=FILE"),
        (["--chain", "=one.jsonl"], "NAME=FILE"),
        (["--chain", "a=one.jsonl", "--prior", "prior.json"], "go together"),
        (["--chain", "a=one.jsonl", "--with-prior", "a"], "go together"),
        (["--chain", "a=one.jsonl", "--prior", "prior.json", "--with-prior", "b"], "name of no"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder: Path, arguments: list[str], words: str) -> None:
    result = invoke(folder, *arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_names_may_hold_at_signs_and_files_equals_signs(folder: Path) -> None:
    (folder / "one.jsonl").rename(folder / "a=b.jsonl")
    assert invoke(folder, "--chain", f"me@home={folder}/a=b.jsonl").exit_code == 0
    assert list(json.loads((folder / "out" / "metrics.json").read_text())["chains"]) == ["me@home"]


def test_a_missing_file_is_the_users_to_mend(folder: Path) -> None:
    assert isinstance(invoke(folder, "--chain", "a=nowhere.jsonl").exception, CorpusError)
