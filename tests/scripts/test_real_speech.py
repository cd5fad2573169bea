"""speechocean762 for the scripts, as published or as tables: the same sides, the same utterances, nothing missing."""

import json
from dataclasses import replace

import pytest
import soundfile

import real_speech
from asheard.errors import CorpusError
from support.tiny_corpus import tone
from support.tiny_speechocean import WORDS, write_speechocean


def write_tables(root):
    """The utterances of `write_speechocean`, in another container."""
    for side, speakers in (("train", ("0001", "0002")), ("test", ("0003", "0004"))):
        (root / side / "wav").mkdir(parents=True)
        rows = []
        for utt, speaker in ((f"{speaker}{number:05d}", speaker) for speaker in speakers for number in range(3)):
            soundfile.write(root / side / "wav" / f"{utt}.flac", tone(1.0), 16_000)
            words = [
                {"text": "THE", "phones": WORDS[0]["phones"]},
                {"text": "BUS", "phones": WORDS[1]["phones"].split()},
            ]
            row = {"utt": utt, "speaker": speaker, "l1": "Mandarin", "text": f"THE BUS {utt}", "words": words}
            rows.append(row | {"canonical": ["DH", "AH", "B", "AH", "S"], "scores": [2.0, 1.8, 2, 1.0, 0.4]})
        (root / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.mark.parametrize("write", [write_speechocean, write_tables])
def test_read_scored_speech_in_both_layouts(write, tmp_path):
    train, test = real_speech.read_scored_speech(write(tmp_path))
    assert [row.utt for row in train] == [f"{speaker}{i:05d}" for speaker in ("0001", "0002") for i in range(3)]
    assert {row.speaker for row in test} == {"0003", "0004"}
    for row in train + test:
        assert row.seconds == 1.0
        assert soundfile.info(tmp_path / row.wav).frames == 16_000
        assert row.canonical == ("ð", "ə", "b", "ʌ", "s")
        assert [token.score for token in row.tokens] == [2.0, 1.8, 2.0, 1.0, 0.4]
        assert [token.position for token in row.tokens] == ["onset", "nucleus", "onset", "nucleus", "coda"]


def test_read_scored_speech_names_a_missing_recording(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "test/wav/000300001.flac").unlink()
    with pytest.raises(CorpusError, match=r"no recording of utterance 000300001 under test/wav; fetch the corpus"):
        real_speech.read_scored_speech(tmp_path)


def test_read_scored_speech_tables_without_recordings(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "train/wav").rename(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match=r"no recording of utterance 000100000 under train/wav"):
        real_speech.read_scored_speech(tmp_path)


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_read_scored_speech_without_corpus(tmp_path, name):
    with pytest.raises(CorpusError, match=r"give the folder of speechocean762 as published"):
        real_speech.read_scored_speech(tmp_path / name)


@pytest.mark.parametrize("num_speakers", [1, 19, 20, 45, 125])
def test_split_held_out_every_20th_speaker(tmp_path, num_speakers):
    (row, *_), _ = real_speech.read_scored_speech(write_speechocean(tmp_path))
    speakers = [f"{7 * number % 1000:04d}" for number in range(num_speakers)]
    rows = [replace(row, speaker=speaker, utt=f"{i}") for i in range(2) for speaker in speakers]
    learnt, kept_out = real_speech.split_held_out(rows)
    assert sorted(learnt + kept_out, key=rows.index) == rows
    assert {row.speaker for row in kept_out} == set(sorted(speakers)[19::20])
    assert len(kept_out) == 2 * (num_speakers // 20)
    assert real_speech.split_held_out(rows[::-1])[1] == kept_out[::-1]
