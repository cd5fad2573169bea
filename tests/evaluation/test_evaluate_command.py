"""`asheard evaluate` and `asheard report` on small files."""

import json
from pathlib import Path

import polars as pl
import pytest
import typer
from small_gold import GOLD
from typer.testing import CliRunner, Result

from asheard.cli import evaluate as commands
from asheard.corpora.records import Prediction, write_manifest, write_predictions
from asheard.errors import CorpusError
from asheard.evaluation.context import SYNTHETIC_NOTE
from asheard.phones import PHONES, load_vectors
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


def test_a_chain_stands_beside_itself_behind_the_prior(folder: Path) -> None:
    build_prior(20 * [("Hindi", "ð", "d", None)], threshold=load_vectors().threshold).save(folder / "prior.json")
    chains = [f"--chain={name}={folder}/one.jsonl" for name in ("theirs", "mine@1", "mine@2", "ft-l2-faithful")]
    behind = ["--with-prior", "mine", "--with-prior", "ft-l2-faithful"]
    result = invoke(folder, *chains, "--prior", f"{folder}/prior.json", *behind)
    assert result.exit_code == 0, result.output
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert "p_min:0.05" in metrics["signature"]
    assert {name: list(summary["per_seed"]) for name, summary in metrics["chains"].items()} == {
        "theirs": ["0"],
        "mine": ["1", "2"],
        "ft-l2-faithful": ["0"],
        "mine+l1-prior": ["1", "2"],
        "faithful+l1-prior": ["0"],
    }
    caught = {name: summary["pooled"]["atypical_errors_caught"] for name, summary in metrics["chains"].items()}
    assert caught["mine+l1-prior"] == caught["faithful+l1-prior"] < caught["mine"] == caught["ft-l2-faithful"]


@pytest.mark.parametrize(
    ("corpus", "warns"),
    [
        ({"synthetic": True}, True),
        ({"synthetic": False}, False),
        ({}, False),
        ({"synthetic": True, "something": "else"}, False),  # not written by AsHeard
    ],
)
def test_a_synthetic_corpus_is_said_to_be_one_first(folder: Path, corpus: dict[str, object], warns: bool) -> None:
    report = {"corpus": "x", "num_read": [1, 1], "num_expected": None, "missing": {}, "num_utterances": {}}
    (folder / "corpus.json").write_text(json.dumps(report | {"excluded": {}} | corpus))
    assert invoke(folder, "--chain", f"mine={folder}/one.jsonl").exit_code == 0
    _title, first, *_ = (folder / "out" / "RESULTS.md").read_text().split("\n\n")
    assert (first == f"> **{SYNTHETIC_NOTE}**") is warns


def test_gold_of_two_sequences_is_aligned_with_the_vectors_given(folder: Path) -> None:
    """t i said as s: which of the two was deleted, the distances decide."""
    row = {"utt": "a", "speaker": "S", "l1": "Hindi", "canonical": ["t", "i"], "produced": ["s"]}
    (folder / "gold.jsonl").write_text(json.dumps(row))
    write_predictions(folder / "s.jsonl", [Prediction("a", "S", "x", ("s",))])
    same = {"s": "i"}  # in these vectors s is i, and all else is unlike
    one_hot = [[int(same.get(a, a) == same.get(b, b)) for b in PHONES] for a in PHONES]
    lines = [["phone", *PHONES], *([phone, *values] for phone, values in zip(PHONES, one_hot, strict=True))]
    (folder / "vectors.csv").write_text("\n".join(",".join(map(str, line)) for line in lines))
    deleted = []
    for options in ([], ["--vectors", f"{folder}/vectors.csv"]):
        result = invoke(folder, "--chain", f"x={folder}/s.jsonl", *options)
        assert result.exit_code == 0, result.output
        rows = pl.read_parquet(folder / "out" / "rows.parquet")
        deleted += rows.filter(error_type="d")["canonical"].to_list()
    assert deleted == ["i", "t"]


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
