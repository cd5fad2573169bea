"""The embedded corpus: what is written is what was drawn and what was said."""

import csv
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asheard.corpora import read_l2arctic
from asheard.corpora.l2arctic import parse_annotation, read_speakers, reconstruct_produced
from asheard.corpora.synthetic import SyntheticPlan, embedded_plan, synthesise
from asheard.corpora.synthetic.learner import l1s, speak_as_learner
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_sentences
from asheard.corpora.synthetic.render import MNEMONICS, Sound, add_noise, render
from asheard.errors import AsHeardError, CorpusError, PhoneError
from asheard.phones import PHONES, VOWELS
from asheard.phones.espeak import Voice, render_phonemes
from asheard.phones.lexicon import cmudict_entries, pronunciations
from support.texts import split_words


def small_plan(num_per_speaker: int = 3) -> SyntheticPlan:
    plan = embedded_plan(num_per_speaker=num_per_speaker)
    return SyntheticPlan(
        plan.speakers[:2] + plan.speakers[3:5], plan.sentences, num_per_speaker, plan.snr_db, plan.seed
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic")
    synthesise(out, small_plan())
    return out


def test_synthesise_is_reproducible(corpus: Path, tmp_path: Path) -> None:
    synthesise(tmp_path, small_plan())
    files = sorted(path.relative_to(corpus) for path in corpus.rglob("*") if path.is_file())
    assert len(files) == 4 * 3 * 3 + 2
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for name in files:
        assert (corpus / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_synthesise_process_that_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(ProcessPoolExecutor, "map", end)
    with pytest.raises(AsHeardError, match=r"ended early; run it again.*below `if __name__ == '__main__':`"):
        synthesise(tmp_path / "corpus", embedded_plan())


def test_synthesise_resumes_to_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    synthesise(tmp_path, small_plan())
    lost = small_plan().speakers[1].name
    kept = (tmp_path / lost / "wav").iterdir()
    name = next(kept).name
    for path in sorted((tmp_path / lost).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (tmp_path / lost).rmdir()
    synthesise(tmp_path, small_plan())
    assert (tmp_path / lost / "wav" / name).read_bytes() == (corpus / lost / "wav" / name).read_bytes()


def test_synthesise_refuses_another_plan(corpus: Path) -> None:
    with pytest.raises(AsHeardError, match="another configuration"):
        synthesise(corpus, small_plan(num_per_speaker=4))


def test_plan_refuses_too_many_sentences() -> None:
    with pytest.raises(CorpusError, match="1 to 318 sentences, not 319"):
        embedded_plan(num_per_speaker=319)


def test_corpus_reads_back_as_l2arctic(corpus: Path) -> None:
    utterances, exclusions = read_l2arctic(corpus)
    assert len(utterances) == 12
    assert not exclusions.counts()
    with (corpus / "speakers.csv").open(encoding="utf-8") as lines:
        assert {row["synthetic"] for row in csv.DictReader(lines)} == {"yes"}
    assert read_speakers(corpus).test_speakers == {"SAR4"}
    for row in utterances:
        words = split_words(row.text or "")
        assert row.canonical == tuple(phone for word in words for phone in pronunciations(word)[0])
        assert all(token.position for token in row.tokens if token.canonical)
        samples, rate = soundfile.read(corpus / (row.wav or ""))
        assert rate == 16_000
        assert samples.ndim == 1
        assert row.seconds == len(samples) / rate
        times = [(token.start_s, token.end_s) for token in row.tokens]
        assert all(0 <= start < end <= row.seconds for start, end in times)
        assert all(before[0] < after[0] for before, after in pairwise(times))


def test_labels_equal_tokens(corpus: Path) -> None:
    for path in corpus.rglob("*.TextGrid"):
        tokens = parse_annotation(path)
        assert reconstruct_produced(tokens) == [token.perceived for token in tokens if token.perceived]


def test_embedded_plan_has_the_speakers_of_l2arctic() -> None:
    plan = embedded_plan()
    assert len(plan.sentences) >= 300
    assert len(plan.speakers) == 24
    assert Counter(speaker.l1 for speaker in plan.speakers) == dict.fromkeys(l1s(), 4)
    test = [speaker.name for speaker in plan.speakers if speaker.split == "test"]
    assert test == [max(s.name for s in plan.speakers if s.l1 == l1) for l1 in l1s()]
    variants = {speaker.voice.name.removeprefix("en-us+") for speaker in plan.speakers}
    assert len(variants) == 24
    assert not variants & set(BASE_VARIANTS)


def test_sentences_hold_every_phone_often() -> None:
    counts = Counter(
        phone
        for text in embedded_sentences().values()
        for word in split_words(text)
        for phone in pronunciations(word)[0]
    )
    assert set(counts) == set(PHONES)
    assert min(counts.values()) >= 20


def test_voices_differ() -> None:
    names = [s.voice.name for s in embedded_plan().speakers] + [f"en-us+{name}" for name in BASE_VARIANTS]
    sounds = {render_phonemes("h@l'oU", Voice(name), seed=1).samples.tobytes() for name in names}
    assert len(sounds) == len(names)


@pytest.mark.parametrize("phone", PHONES)
def test_render_says_every_phone(phone: str) -> None:
    vowel = phone in VOWELS
    sounds = [
        Sound("b", 0, True),
        Sound(phone if vowel else "ɛ", 1, False),
        Sound("s" if vowel else phone, 0, False),
        Sound("ɑ", 0, False),
        Sound("p", 0, False),
    ]
    rendered = render(sounds, Voice(), seed=1)
    assert [said for said, _, _ in rendered.phones] == [sound.phone for sound in sounds]


def test_render_never_flaps_t() -> None:
    sounds = [Sound("b", 0, True), Sound("ʌ", 1, False), Sound("t", 0, False), Sound("ɝ", 0, False)]
    assert [said for said, _, _ in render(sounds, Voice(), seed=1).phones] == ["b", "ʌ", "t", "ɝ"]
    assert MNEMONICS["t"] == "t2"


def test_render_label_follows_the_sound() -> None:
    sounds = [Sound("s", 0, True), Sound("ɪ", 1, False), Sound("t", 0, False), Sound("ɪ", 0, False)]
    assert [said for said, _, _ in render(sounds, Voice(), seed=1).phones] == ["s", "ɪ", "t", "i"]


def test_render_refuses_an_unknown_voice() -> None:
    with pytest.raises(PhoneError, match="no voice 'en-us\\+nobody9/x'"):
        render_phonemes("h@l'oU", Voice("en-us+nobody9/x"))


def test_speak_as_learner_without_severity_makes_no_errors() -> None:
    rng = np.random.default_rng(0)
    drawn = speak_as_learner(["v", "ɛ", "ɹ", "i"] * 50, ["onset", "nucleus"] * 100, "Spanish", rng, severity=0.0)
    assert [position.produced for position in drawn] == ["v", "ɛ", "ɹ", "i"] * 50


def test_speak_as_learner_error_rates() -> None:
    """Spanish speakers of the counts say b for 47 of 151 onset v's; 3,000 draws lie within four sigmas."""
    rng = np.random.default_rng(0)
    drawn = speak_as_learner(["v"] * 3000, ["onset"] * 3000, "Spanish", rng)
    heard = Counter(position.produced for position in drawn if position.index is not None)
    share = 47 / 151
    assert abs(heard["b"] / 3000 - share) < 4 * np.sqrt(share * (1 - share) / 3000)


def test_add_noise_level() -> None:
    rng = np.random.default_rng(0)
    clean = (0.1 * np.sin(np.arange(16_000) * 0.1)).astype(np.float32)
    noise = add_noise(clean, 10.0, rng) - clean
    assert 10 * np.log10(np.mean(clean**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.1)


def test_sentences_are_in_cmudict() -> None:
    entries = cmudict_entries()
    words = {word.lower() for text in embedded_sentences().values() for word in split_words(text)}
    assert words <= set(entries)
