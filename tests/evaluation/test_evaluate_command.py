"""`asheard evaluate` and `asheard report` on small files."""

import itertools
import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from asheard.cli import evaluate as commands
from asheard.cli import main
from asheard.corpora.records import Prediction, write_manifest, write_predictions
from asheard.errors import CorpusError
from asheard.evaluation.context import SYNTHETIC_NOTE
from asheard.phones import PHONES, load_vectors
from asheard.prior import build_prior, rows_of
from support.in_process import run
from support.small_gold import GOLD

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


def printed_table(output: str) -> dict[str, list[str]]:
    """The numbers of each chain in the printed table: the lines below the headings that end in a number."""
    lines = output.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("chain")) + 1
    rows = [
        re.split(r"\s{2,}", line.strip())
        for line in itertools.takewhile(lambda line: line[-3:-2] == ".", lines[start:])
    ]
    return {chain: numbers for chain, *numbers in rows}


def test_evaluate_writes_files_and_prints_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    chains = ["--chain", f"mine@1={folder}/one.jsonl", "--chain", f"mine@2={folder}/two.jsonl"]
    result = invoke(folder, *chains, "--chain", f"theirs={folder}/two.jsonl", "--train", f"{folder}/gold.jsonl")
    assert result.exit_code == 0, result.output
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert {name: list(summary["per_seed"]) for name, summary in metrics["chains"].items()} == {
        "mine": ["1", "2"],
        "theirs": ["0"],
    }
    assert metrics["signature"].split("|")[:2] == ["corpus:gold", "split:2speakers"]
    pooled = metrics["chains"]["mine"]["pooled"]
    table = printed_table(result.output)
    assert list(table) == ["mine", "theirs", "copy the canonical"]
    rates = (pooled["per"], pooled["collapse"], pooled["frr_class"], pooled["frr"], pooled["atypical_errors_caught"])
    published = (pooled["published"]["f1"], pooled["published"]["f1_strict"])
    assert table["mine"] == [f"{100 * rate:.2f}" for rate in (*rates, *published)]
    assert table["copy the canonical"][0] == f"{100 * metrics['copy_canonical']['pooled']['per']:.2f}"
    assert set(metrics["warnings"]) <= set(result.output.splitlines())
    assert max(map(len, result.output[: result.output.index("copy")].splitlines())) <= 80
    assert (folder / "out" / "RESULTS.md").exists()


def test_evaluate_with_prior_adds_a_chain(folder: Path) -> None:
    build_prior(20 * [("Hindi", "ð", "d", None)], threshold=load_vectors().threshold).save(folder / "prior.json")
    chains = [f"--chain={name}={folder}/one.jsonl" for name in ("theirs", "mine@1", "mine@2", "ft-l2-faithful")]
    behind = ["--with-prior", "mine", "--with-prior", "ft-l2-faithful"]
    result = invoke(folder, *chains, "--prior", f"{folder}/prior.json", *behind)
    assert result.exit_code == 0, result.output
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert "prior:laplace+position@0.05" in metrics["signature"].split("|")
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
def test_evaluate_report_opens_with_synthetic_warning(folder: Path, corpus: dict[str, object], warns: bool) -> None:
    report = {"corpus": "x", "num_read": [1, 1], "num_expected": None, "missing": {}, "num_utterances": {}}
    (folder / "corpus.json").write_text(json.dumps(report | {"excluded": {}} | corpus))
    assert invoke(folder, "--chain", f"mine={folder}/one.jsonl").exit_code == 0
    _title, first, *_ = (folder / "out" / "RESULTS.md").read_text().split("\n\n")
    assert (first == f"> **{SYNTHETIC_NOTE}**") is warns


def test_evaluate_vectors_align_gold(folder: Path) -> None:
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


def test_report_makes_the_same_results_again(folder: Path) -> None:
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
        (["--chain", "a=one.jsonl", "--chain", "a=two.jsonl"], "given twice"),
    ],
)
def test_evaluate_refuses_bad_chain_options(folder: Path, arguments: list[str], words: str) -> None:
    result = invoke(folder, *arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--chain", "a=one.jsonl", "--prior", "prior.json"], "go together"),
        (["--chain", "a=one.jsonl", "--with-prior", "a"], "go together"),
        (["--chain", "a=one.jsonl", "--prior", "prior.json", "--with-prior", "b"], "no chain is called 'b'"),
        (["--chain", "a|b=one.jsonl"], "'a|b' is no name of a chain"),
        (["--chain", " =one.jsonl"], "' ' is no name of a chain"),
    ],
)
def test_evaluate_refuses_chains_and_priors_that_do_not_fit(folder: Path, arguments: list[str], words: str) -> None:
    error = invoke(folder, *arguments).exception
    assert isinstance(error, CorpusError)
    assert words in str(error)


def test_evaluate_accepts_at_sign_in_names_and_equals_sign_in_files(folder: Path) -> None:
    (folder / "one.jsonl").rename(folder / "a=b.jsonl")
    assert invoke(folder, "--chain", f"me@home={folder}/a=b.jsonl").exit_code == 0
    assert list(json.loads((folder / "out" / "metrics.json").read_text())["chains"]) == ["me@home"]


def test_evaluate_missing_file_is_a_corpus_error(folder: Path) -> None:
    assert isinstance(invoke(folder, "--chain", "a=nowhere.jsonl").exception, CorpusError)


# What one system heard in GOLD, d ə k and z i, in every form and alphabet.
FORMS = {
    "p.jsonl": """{"utt": "a", "speaker": "Hindi-speaker", "phones": ["d", "ax", "k"]}
        {"utt": "b", "speaker": "Korean-speaker", "phones": "z iy"}""",
    "p.csv": "utt,speaker,phones,confidences\nb,Korean-speaker,z iː,0.5 1\na,Hindi-speaker,d ɐ k,0.1 0.2 0.3\n",
    "p.ctm": "Hindi-speaker_a 1 0 0.1 D\nHindi-speaker_a 1 0.1 0.1 AH0\n;; and b\nHindi-speaker_a 1 0.3 0.1 K\n"
    "b 1 0.1 0.1 Z\nb 1 0.2 0.2 IY1\n",
    "tg/a.TextGrid": ["", "d", "ə", "k", "sil"],
    "tg/Korean-speaker_b.TextGrid": ["z", "", "i"],
}


def textgrid(labels: list[str]) -> str:
    intervals = "".join(f'{start}\n{start + 1}\n"{label}"\n' for start, label in enumerate(labels))
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{len(labels)}\n<exists>\n1\n'
    return f'{head}"IntervalTier"\n"phones"\n0\n{len(labels)}\n{len(labels)}\n{intervals}'


@pytest.fixture
def forms(folder: Path) -> Path:
    (folder / "tg").mkdir()
    for name, content in FORMS.items():
        (folder / name).write_text(content if isinstance(content, str) else textgrid(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize("sequences", [False, True])
def test_evaluate_gives_the_same_numbers_for_every_format(forms: Path, sequences: bool) -> None:
    if sequences:  # gold not aligned: canonical and produced, as ARPAbet
        header = "utt,speaker,l1,canonical,produced"
        a, b = "a,Hindi-speaker,Hindi,DH AX K AE T,D AX K EH AX", "b,Korean-speaker,Korean,V IY Z,err IY err S"
        (forms / "gold.jsonl").write_text(f"{header}\n{a}\n{b}\n")
    chains = [f"--chain={name}={forms}/{name}" for name in ("p.jsonl", "p.csv", "p.ctm", "tg")]
    result = invoke(forms, *chains)
    assert result.exit_code == 0, result.output
    summaries = json.loads((forms / "out" / "metrics.json").read_text())["chains"]
    first, *others = (summary["pooled"] for summary in summaries.values())
    assert others == 3 * [first]
    assert first["per"] == 5 / 9  # against d ə k ɛ ə: ɛ ə lost; against err i err s: z for err, and err s lost
    assert first["num_utterances"] == 2


def test_evaluate_lists_or_counts_missing_utterances(forms: Path) -> None:
    (forms / "tg" / "Korean-speaker_b.TextGrid").unlink()
    chains = [f"--chain=all={forms}/p.csv", f"--chain=some={forms}/tg", f"--chain=one={forms}/one.jsonl"]
    error = invoke(forms, *chains).exception
    assert isinstance(error, CorpusError)
    assert "chain some, seed 0: 1 (Korean-speaker/b) of the gold have no prediction" in str(error)
    result = invoke(forms, *chains, "--allow-missing")
    assert result.exit_code == 0, result.output
    assert "1 missing in chain some, seed 0: left out for every chain" in result.output.replace("\n", " ")
    metrics = json.loads((forms / "out" / "metrics.json").read_text())
    assert {summary["pooled"]["num_utterances"] for summary in metrics["chains"].values()} == {1}
    assert metrics["excluded"]["missing in chain some, seed 0: left out for every chain"] == 1


def test_evaluate_counts_utterances_without_phones(forms: Path) -> None:
    row = {"speaker": "S", "l1": "Hindi", "canonical": "K", "produced": "K"}
    rows = [row | {"utt": "a"}, row | {"utt": "b", "canonical": [], "produced": []}]
    (forms / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    write_predictions(forms / "two.jsonl", [Prediction("a", "S", "x", ("k",)), Prediction("b", "S", "x", ("t", "k"))])
    result = invoke(forms, f"--chain=x={forms}/two.jsonl")
    assert result.exit_code == 0, result.output
    metrics = json.loads((forms / "out" / "metrics.json").read_text())
    assert metrics["chains"]["x"]["pooled"]["per"] == 2.0  # two insertions over one produced phone
    assert "1 utterances without a canonical phone" in result.output


ROW = '{"utt": "a", "speaker": "Hindi-speaker", '


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gold.jsonl", "", "gold.jsonl: holds no utterances"),
        ("gold.jsonl", b"\xff\xfe{", "gold.jsonl: not UTF-8"),
        ("gold.jsonl", ROW + '"l1": "Hindi", "canonical": "K qx", "produced": "K"}', "line 1, canonical 1: 'qx' is"),
        ("gold.jsonl", ROW + '"l1": "Hindi", "canonical": "ð ə æ AH", "produced": "ð"}', "'AH' is ARPAbet, but most"),
        ("gold.jsonl", ROW + '"l1": "Hindi", "canonical": "K", "produ', "line 1: not JSON (Unterminated"),
        (
            "gold.jsonl",
            ROW + f'"l1": "Hindi", "canonical": "K", "produced": "{" ".join(100_000 * ["K"])}"}}',
            "line 1, utterance Hindi-speaker/a: 100,000 phones in 'produced'; the limit is",
        ),
        ("p.jsonl", "", "p.jsonl: holds no predictions"),
        ("p.jsonl", ROW + '"phones": ["K", "qx"]}', "p.jsonl, line 1, phones 1: 'qx' is"),
        (
            "p.jsonl",
            ROW + '"phones": ["AH", "AX", "ð"]}',
            "phones 2: 'ð' is IPA, but most labels of the file are ARPAbet",
        ),
        (
            "p.jsonl",
            ROW + '"phones": ["K"], "confidences": [NaN]}',
            "confidences 0 must be a probability from 0 to 1",
        ),
        ("p.jsonl", ROW + f'"phones": "{" ".join(100_000 * ["K"])}"}}', "utterance Hindi-speaker/a: 100,000 phones"),
        ("p.jsonl", ROW + '"phones": [', "p.jsonl, line 1: not JSON"),
        ("p.csv", "utt,speaker,phones\na,Hindi-sp", "p.csv, line 2: not as many cells"),
        ("p.csv", "utt,speaker,phones\na,é,K".encode("latin-1"), "p.csv: not UTF-8"),
        ("p.ctm", "a 1 0 0.1 K\na 1 0.1 0", "p.ctm, line 2: 4 fields"),
        ("p.ctm", "a 1 nan 0.1 K", "p.ctm, line 1: start must be a time from 0 to 1,000,000 s, not nan"),
        ("tg/a.TextGrid", textgrid(["d", "ə"])[:-8], "a.TextGrid, line "),
        ("tg/a.TextGrid", "", "a.TextGrid, line "),
    ],
)
def test_evaluate_bad_input_is_one_line_and_exit_code_2(
    forms: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: str | bytes,
    words: str,
) -> None:
    (forms / name).write_bytes(content.encode() if isinstance(content, str) else content)
    chain = name.partition("/")[0] if name != "gold.jsonl" else "one.jsonl"
    command = ["asheard", "evaluate", "--gold", f"{forms}/gold.jsonl", "--out", f"{forms}/out"]
    monkeypatch.setattr("sys.argv", [*command, f"--chain=x={forms}/{chain}"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert not (forms / "out").exists()


def test_evaluate_without_the_extra_is_one_line_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    chain = f"--chain=mine={folder}/one.jsonl"
    done = run(monkeypatch, capsys, "evaluate", "--gold", folder / "gold.jsonl", "--out", folder / "out", chain)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.endswith("pip install 'asheard[evaluate]'")
