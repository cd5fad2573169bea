"""The study at the quick preset: its results are complete, finished stages are skipped, a killed study resumes."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

from asheard.corpora import read_manifest
from asheard.corpora.chains import CHAINS, GOP, GOP_PRIOR, L1_ENCODER_UNKNOWN
from asheard.corpora.synthetic.learner import l1s
from asheard.errors import AsHeardError, OutputError
from asheard.evaluation.context import SYNTHETIC_NOTE
from asheard.io.locks import locked_folder
from asheard.pipeline import study
from asheard.recognition.registry import EMBEDDED_BASE


def test_study_has_every_chain_seed_and_l1(quick_study: Path) -> None:
    metrics = json.loads((quick_study / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["chains"]) == {*CHAINS, GOP, GOP_PRIOR, L1_ENCODER_UNKNOWN}
    for chain in metrics["chains"].values():
        assert list(chain["per_seed"]) == ["1", "2"]
        assert sorted(chain["per_l1"]) == sorted(l1s())
        assert chain["pooled"]["num_utterances"] == 48
        assert chain["pooled"]["num_tokens"] == sum(part["num_tokens"] for part in chain["per_l1"].values())
    verdict = json.loads((quick_study / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["faithful"] in ("GO", "NO-GO")
    assert verdict["l1"] in ("encoder", "scorer", "both", "nowhere")
    assert verdict["reasons"]


def test_study_prior_changes_classes_only(quick_study: Path) -> None:
    rows = pl.read_parquet(quick_study / "rows.parquet").sort("speaker", "utt", "index")
    for seed in (1, 2):
        plain, scored = (
            rows.filter((pl.col("chain") == chain) & (pl.col("seed") == seed))
            for chain in ("ft-l2-faithful", "faithful+l1-prior")
        )
        assert plain["predicted"].equals(scored["predicted"])
        milder = plain["class_pred"] == scored["class_pred"]
        assert set(scored.filter(~milder)["class_pred"]) <= {"variant"}


def test_study_report_opens_with_the_synthetic_note(quick_study: Path) -> None:
    text = (quick_study / "RESULTS.md").read_text(encoding="utf-8")
    assert SYNTHETIC_NOTE.split(":")[0] in text[:600]
    assert {path.suffix for path in (quick_study / "plots").iterdir()} == {".png"}
    for path in (quick_study / "plots").iterdir():
        assert f"plots/{path.name}" in text


def test_study_refuses_a_folder_that_another_command_uses(tmp_path: Path) -> None:
    with locked_folder(tmp_path), pytest.raises(OutputError, match=r"another command is writing it \(process \d+ on "):
        study(tmp_path)
    assert not list(tmp_path.iterdir())


def test_study_skips_finished_stages(copied_study: Path) -> None:
    names = ("metrics.json", "verdict.json", "RESULTS.md")
    before = [(copied_study / name).read_bytes() for name in names]
    announced: list[tuple[str, bool]] = []
    study(copied_study, preset="quick", announce=lambda name, skipped: announced.append((name, skipped)))
    assert [name for name, skipped in announced if not skipped] == ["report"]
    assert [(copied_study / name).read_bytes() for name in names] == before


def test_study_repeats_a_stage_without_output(copied_study: Path) -> None:
    before = (copied_study / "metrics.json").read_bytes()
    lost = copied_study / "predictions" / "ft-l2-faithful-seed2.jsonl"
    written = lost.read_bytes()
    lost.unlink()
    announced: list[tuple[str, bool]] = []
    study(copied_study, preset="quick", announce=lambda name, skipped: announced.append((name, skipped)))
    assert [name for name, skipped in announced if not skipped] == ["transcribe ft-l2-faithful-seed2", "report"]
    assert lost.read_bytes() == written
    assert (copied_study / "metrics.json").read_bytes() == before


def test_study_refuses_a_folder_of_another_preset(quick_study: Path) -> None:
    with pytest.raises(AsHeardError, match="another configuration"):
        study(quick_study, preset="embedded")


def test_study_refuses_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(AsHeardError, match="no preset 'huge'"):
        study(tmp_path, preset="huge")


@pytest.mark.slow
def test_study_killed_at_three_moments_ends_the_same(
    quick_study: Path, quick_study_command: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "quick"
    moments = random.Random()
    for _ in range(3):
        process = subprocess.Popen([*quick_study_command, str(out)], stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(moments.uniform(5, 45))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*quick_study_command, str(out)], capture_output=True, check=True)
    assert (out / "metrics.json").read_bytes() == (quick_study / "metrics.json").read_bytes()


@pytest.mark.slow
def test_study_folds_hold_out_other_speakers(tmp_path: Path) -> None:
    study(tmp_path, preset="quick", seeds=(1,), folds=2)
    tested = []
    for number in (1, 2):
        manifests = {
            split: {row.speaker for row in read_manifest(tmp_path / f"fold{number}/manifests/{split}.jsonl")}
            for split in ("train", "val", "test")
        }
        assert not manifests["test"] & (manifests["train"] | manifests["val"])
        assert len(manifests["test"]) == 6
        tested += sorted(manifests["test"])
    assert len(set(tested)) == 12
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert sorted(name for names in metrics["design"]["speakers"].values() for name in names) == sorted(tested)
    assert "2 folds" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_study_refuses_more_folds_than_speakers(quick_study: Path, tmp_path: Path) -> None:
    with pytest.raises(AsHeardError, match=r"5 folds need 5 speakers of \w+, which has 4; use fewer folds"):
        study(tmp_path, corpus=quick_study / "corpus", preset="quick", base=str(EMBEDDED_BASE), folds=5)
