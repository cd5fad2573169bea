"""Warnings beside the numbers, and gold that cannot be scored."""

from dataclasses import replace
from pathlib import Path

import pytest

from asheard.errors import CorpusError, OutputError
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.phones import load_vectors
from asheard.prior import build_prior
from support.small_gold import GOLD, run, utterance

CONTEXT = Context(corpus="hand", split="none")
AS_SAID = ["d ə k ɛ ə", "v i s"]


NO_TRAINING = "No training rows were given: nothing is L1-typical, and FRR by class is FRR at threshold."


def warnings(out: Path, runs: list[ChainRun], gold: list = GOLD, training: tuple = ()) -> tuple[str, ...]:
    return evaluate_runs(gold, runs, out=out, context=CONTEXT, training=training).metrics.warnings


def test_warnings_name_unknown_first_languages(tmp_path: Path) -> None:
    prior = build_prior([("Spanish", "v", "b", None)], threshold=load_vectors().threshold)
    plain = run(GOLD, AS_SAID)
    behind = replace(plain, chain="x+l1-prior", prior=prior)
    training = (utterance("t", [("t", "t")], "Hindi"),)
    assert warnings(tmp_path, [plain, behind], training=training) == (
        "Training and gold share speakers (Hindi-speaker): L1-typical substitutions were counted on them too.",
        "Unknown to the training rows: Korean. Known first languages: Hindi.",
        "Unknown to the prior of x+l1-prior: Hindi, Korean. Known first languages: Spanish.",
    )
    assert warnings(tmp_path, [plain]) == (NO_TRAINING,)


def test_warnings_name_phones_never_written(tmp_path: Path) -> None:
    gold = [utterance(f"u{i}", [("ʃ", "ʃ"), ("ʒ", "ʒ"), ("i", "i")]) for i in range(100)]
    merged = run(gold, ["ʒ ʒ i"] * 100, "merged")
    fine = run(gold, ["ʃ ʒ i"] * 100, "fine")
    assert warnings(tmp_path, [merged, fine], gold) == (
        NO_TRAINING,
        "merged never writes these frequent phones: ʃ (100). Has it another set of phones?",
    )


def test_warnings_count_unused_scores(tmp_path: Path) -> None:
    tokens = tuple(replace(token, score=1.0) for token in GOLD[0].tokens if token.canonical)
    scored = replace(GOLD[0], tokens=tokens)
    assert warnings(tmp_path, [run([scored], AS_SAID[:1])], [scored]) == (
        NO_TRAINING,
        "The gold says which phones were said, so its 5 expert scores are not used.",
    )


def test_evaluate_runs_refuses_a_speaker_with_two_first_languages(tmp_path: Path) -> None:
    gold = [GOLD[0], replace(GOLD[1], speaker=GOLD[0].speaker)]
    with pytest.raises(CorpusError, match="speaker Hindi-speaker has the first languages 'Hindi' and 'Korean'"):
        evaluate_runs(gold, [run(gold, AS_SAID)], out=tmp_path, context=CONTEXT)


def test_evaluate_runs_refuses_gold_without_a_canonical_phone(tmp_path: Path) -> None:
    gold = [utterance("a", [(None, "t")])]
    with pytest.raises(CorpusError, match="no utterance has a canonical phone"):
        evaluate_runs(gold, [run(gold, ["t"])], out=tmp_path / "out", context=CONTEXT)


def test_evaluate_runs_refuses_an_unwritable_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "below"):
        with pytest.raises(OutputError, match=rf"{out}: cannot be written \(.*; .*name another place"):
            evaluate_runs(GOLD, [run(GOLD, AS_SAID)], out=out, context=CONTEXT)
    assert file.read_text() == "mine"


def test_evaluate_runs_accepts_any_chain_name(tmp_path: Path) -> None:
    evaluate_runs(GOLD, [run(GOLD, AS_SAID, r"a$\foo$_{b")], out=tmp_path, context=CONTEXT)
    write_report(tmp_path)
    assert r"a$\foo$_{b" in (tmp_path / "RESULTS.md").read_text()
