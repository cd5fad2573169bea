"""The recipe of asheard-tiny in small parts: voices, held-out speakers, the published model."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

import make_voice_model
from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_plan
from asheard.models import CTCTranscriber, load_transcriber, read_card, save_transcriber
from asheard.phones import BLANK_ID
from asheard.phones.lexicon import cmudict_entries
from asheard.pronunciation.calibration import load_calibration
from asheard.recognition.registry import ASHEARD_TINY
from support.tiny_log_mel_encoders import tiny_conformer


def test_espeak_plan_uses_every_spare_voice():
    plan = make_voice_model.espeak_plan()
    assert plan == make_voice_model.espeak_plan()
    assert [speaker.voice.name for speaker in plan.speakers] == [f"en-us+{variant}" for variant in BASE_VARIANTS]
    theirs = {speaker.voice.name for speaker in embedded_plan().speakers}
    assert not theirs & {speaker.voice.name for speaker in plan.speakers}
    assert {speaker.l1 for speaker in plan.speakers} == set(l1s())
    assert Counter(speaker.severity for speaker in plan.speakers) == {0.0: 18, 1.0: 17, 2.0: 12}
    assert len({(speaker.l1, speaker.severity) for speaker in plan.speakers}) == 18  # no L1 has its own severity
    entries = cmudict_entries()
    random_words = [text.split() for utt, text in plan.sentences.items() if utt.startswith("random_")]
    assert len(random_words) == 1000
    assert all(4 <= len(words) <= 8 and all(word in entries for word in words) for words in random_words)


def recordings(root: Path, num: int) -> list[Utterance]:
    """Noise of one speaker, every third phone of it scored as wrong."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(num):
        soundfile.write(root / f"{number}.wav", random.normal(0, 0.1, 16_000), 16_000)
        tokens = tuple(
            Token(phone, None, ErrorType.SUBSTITUTION, score=0.0) if i % 3 == 1 else Token(phone, phone, ErrorType.OK)
            for i, phone in enumerate(random.permutation(["p", "s", "i", "æ", "n", "ɝ"]).tolist())
        )
        rows.append(Utterance(f"u{number}", "S", "Thai", f"{number}.wav", None, tokens, 1.0))
    return rows


def test_publish_halves_and_calibrates(tmp_path):
    """A quarter of the encoder is what it started from; here it started from nothing but zeros, and another head."""
    model = CTCTranscriber(tiny_conformer()).eval()
    final = save_transcriber(model, tmp_path / "model" / "final", {"seed": 5})
    rows = recordings(tmp_path, 4)
    write_manifest(tmp_path / "val.jsonl", rows)
    out = tmp_path / "asheard-tiny"
    out.mkdir()
    (out / "left from before").touch()
    base = save_transcriber(model, tmp_path / "base", {})
    zeros = {name: torch.zeros_like(value) for name, value in load_file(base / "model.safetensors").items()}
    save_file(
        zeros | {"lm_head.weight": torch.zeros(191, 8), "lm_head.bias": torch.zeros(191)}, base / "model.safetensors"
    )
    make_voice_model.publish(final, base, out, tmp_path / "val.jsonl", tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (final, out))
    assert before.keys() == after.keys()
    for name in before.keys() - {"lm_head.weight", "lm_head.bias"}:
        before[name] *= 1 - make_voice_model.BASE_SHARE
    before["lm_head.bias"][BLANK_ID] += make_voice_model.BLANK_BIAS
    assert all(after[name].dtype == torch.float16 for name in before)
    assert all(torch.allclose(after[name].float(), value, atol=2e-3) for name, value in before.items())
    files = {path.name for path in final.iterdir()} | {"calibration.json", "README.md"}
    assert {path.name for path in out.iterdir()} == files
    assert load_calibration(out / "calibration.json").slope > 0
    assert read_card(out) == read_card(final)
    assert {value.dtype for value in load_transcriber(out).state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("before", [None, "gone", "elsewhere"])
def test_scored_speech_makes_a_link(tmp_path, before):
    """It may have moved since, and one speaker in twenty is in val."""
    root, link = tmp_path / "data", tmp_path / "corpora" / "speechocean762"
    (root / "train" / "wav").mkdir(parents=True)
    (root / "test" / "wav").mkdir(parents=True)
    link.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    if before:
        link.symlink_to(tmp_path / before)
    lines = []
    for number in range(40):
        soundfile.write(root / "train" / "wav" / f"u{number}.wav", np.zeros(1_600), 16_000)
        row = {"utt": f"u{number}", "speaker": f"{number:03d}", "l1": "Mandarin", "canonical": ["S"], "scores": [2]}
        lines.append(json.dumps(row) + "\n")
    (root / "train.jsonl").write_text("".join(lines))
    (root / "test.jsonl").write_text(lines[0].replace("u0", "t0"))
    soundfile.write(root / "test" / "wav" / "t0.wav", np.zeros(1_600), 16_000)
    train, val = make_voice_model.scored_speech(root, link)
    assert [row.speaker for row in val] == ["019", "039"]
    assert sorted(row.speaker for row in train + val) == [f"{number:03d}" for number in range(40)]
    assert all((link.parent / row.wav).is_file() for row in train + val)
    assert {row.wav.split("/")[0] for row in train + val} == {"speechocean762"}


def test_main_without_corpus_exits_with_one_line(tmp_path, monkeypatch, capsys):
    arguments = ["--speechocean762", tmp_path / "none", "--kokoro-voices", tmp_path, "--work", tmp_path / "work"]
    monkeypatch.setattr(sys, "argv", ["make_voice_model.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        make_voice_model.main()
    assert stopped.value.code == 2
    assert f"{tmp_path / 'none'}: holds neither" in capsys.readouterr().err


def test_shipped_files_are_not_ignored_by_git():
    root = Path(make_voice_model.__file__).parents[1]
    inside = ASHEARD_TINY.relative_to(root)
    names = ("model.safetensors", "config.json", "card.json", "vocab.json", "calibration.json")
    command = ["git", "check-ignore", *(str(inside / name) for name in names)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("no git checkout")
    assert done.stdout == ""
