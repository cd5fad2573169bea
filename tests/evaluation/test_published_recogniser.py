"""A published recogniser's transcripts of 900 real recordings, with the numbers published about them."""

from pathlib import Path

import pytest

from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report


@pytest.mark.shared
def test_a_published_recogniser_is_ranked_on_real_speech(real_data: Path, tmp_path: Path) -> None:
    labels = real_data / "l2arctic-labels"
    gold = read_gold(labels / "test-6-speakers-39phones.jsonl")
    run = ChainRun(chain="cnn", predictions=read_transcripts(labels / "predictions-cnn-rnn-ctc.jsonl"))
    context = Context(corpus="l2arctic-labels", split="test-6")
    chains = evaluate_runs(gold, [run], out=tmp_path, context=context).metrics.chains
    pooled = chains["cnn"].pooled
    assert f"{100 * pooled.per:.2f}" == "27.75"  # arXiv 2104.08428
    assert pooled.num_utterances == 900
    assert 0.25 <= pooled.collapse <= 0.35
    assert pooled.d2.passes is False
    assert len(chains["cnn"].per_l1) == 6
    assert write_report(tmp_path) is None
    assert "27.75" in (tmp_path / "RESULTS.md").read_text()
