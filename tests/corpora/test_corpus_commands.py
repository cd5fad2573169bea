"""The `asheard corpus` commands: what they print, and how they end."""

import json

import pytest
from typer.testing import CliRunner

from asheard.cli.corpus import app
from asheard.errors import CorpusError


def run(*args):
    result = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_build_check_stats(small_corpus, tmp_path):
    out, picture = tmp_path / "out", tmp_path / "stats.png"
    built = run("build", "l2arctic", small_corpus, "--out", out)
    assert "small: read 24 + 24 utterances" in built.output
    assert "nothing was left out" in built.output
    checked = run("check", out, "--wav-root", small_corpus)
    assert "problems: 0" in checked.output
    assert "prompts read both in train and in test: 1 (2 training" in checked.output
    counted = run("stats", out, "--out", picture)
    assert "ð→d 100%" in counted.output
    assert picture.is_file()


def test_build_prints_exclusions_and_missing(small_corpus, tmp_path):
    (small_corpus / "speakers.csv").unlink()
    (small_corpus / "AA1").rename(small_corpus / "ABA")
    (small_corpus / "AA2").rename(small_corpus / "ZHAA")
    (small_corpus / "ABA/wav/u01.wav").unlink()
    output = run("build", "l2arctic", small_corpus, "--out", tmp_path / "out", "--text-disjoint").output
    assert "L2-ARCTIC: read 11 + 12 of 2,699 + 900 utterances" in output
    assert "ABA 139" in output
    assert "NJS 150" in output
    for part in ("folder of no known speaker", "KO1, KO2", "recording missing", "ABA/u01", "--text-disjoint"):
        assert part in output
    assert "recording missing" in run("check", tmp_path / "out").output


def test_check_fails_if_there_are_problems(small_corpus, tmp_path):
    run("build", "l2arctic", small_corpus, "--out", tmp_path)
    (tmp_path / "val.jsonl").write_bytes((tmp_path / "test.jsonl").read_bytes())
    with pytest.raises(CorpusError, match="speaker AA2 is in val and in test"):
        run("check", tmp_path)


def test_build_of_a_table(tmp_path):
    row = {"speaker": "X", "l1": "Thai", "canonical": ["k", "ɹ", "z"], "perceived": ["k", None, None]}
    table = tmp_path / "mine.jsonl"
    table.write_text("".join(json.dumps(row | {"utt": f"u{number}"}) + "\n" for number in range(4)))
    assert "mine: read 4 + 0 utterances" in run("build", "table", table, "--out", tmp_path / "out").output
    assert (tmp_path / "out/train.jsonl").read_text().count("\n") == 3
