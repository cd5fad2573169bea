"""speechocean762: English read by 250 speakers of Mandarin, half of them children, every phone scored by five experts.

It is read as published: wav.scp, utt2spk and text of `train/` and `test/`, and `scores.json` in `resource/` or at the
root. If the experts' mean is below 0.5, the corpus mostly names what was said instead; if it does not, the sound stays
unknown (`asheard.corpora.phone_scores`). Not read: single experts' notes (scores-detail.json), ages, genders and
sentence scores.

Source: Zhang et al. 2021, "speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation
Assessment" (OpenSLR 101, free for any use).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.labels import phones_field
from asheard.corpora.phone_scores import scored_token, scores_field, true_stress, without_stress
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.corpora.splits import Speakers
from asheard.errors import CorpusError, PhoneError
from asheard.io.audio import audio_seconds
from asheard.io.files import read_json, read_text
from asheard.io.table import format_value, text_field
from asheard.phones import fold_arpabet
from asheard.phones.lexicon import syllable_positions

_L1: Final = "Mandarin"
NUM_PER_SPEAKER: Final = 20
NUM_SPEAKERS: Final = (125, 125)  # of a complete copy: train, test
NUM_UTTERANCES: Final = (2500, 2500)

_SIDES: Final = ("train", "test")
_UNKNOWN, _DELETED = "<unk>", "<del>"  # in either case


def read_speechocean(root: Path | str) -> tuple[Speakers, list[Utterance], Exclusions]:
    """Read every scored utterance.

    Args:
        root: the folder that holds train/, test/ and resource/.
    Returns:
        the speakers with the corpus's own split; utterances in the order of utt2spk, train before test, wav paths
        relative to `root`; what was left out.
    Raises:
        CorpusError: `root` is no such corpus, a map or scores.json is broken, a speaker is in train and in test, or no
            utterance has both scores and a recording.
    """
    root = Path(root)
    scores = _read_scores(root)
    speakers = {side: read_scp(root / side / "utt2spk") for side in _SIDES}
    if both := sorted(set(speakers["train"].values()) & set(speakers["test"].values())):
        raise CorpusError(f"{root}: speaker {both[0]} is in train/utt2spk and in test/utt2spk; fetch the corpus again")
    everybody = [speaker for side in _SIDES for speaker in speakers[side].values()]
    known = Speakers(
        dict.fromkeys(everybody, _L1),
        frozenset(speakers["test"].values()),
        dict.fromkeys(everybody, NUM_PER_SPEAKER),
    )
    exclusions = Exclusions()
    utterances = []
    for side in _SIDES:
        wavs, texts = (read_scp(root / side / name) for name in ("wav.scp", "text"))
        for utt, speaker in speakers[side].items():
            utterance = Utterance(utt, speaker, _L1, wavs.get(utt), texts.get(utt), ())
            if (read := _read_utterance(utterance, root, scores.get(utt), exclusions)) is not None:
                utterances.append(read)
    for utt in sorted(scores.keys() - speakers["train"].keys() - speakers["test"].keys()):
        exclusions.add("scored, but neither in train nor in test", utt)
    if not utterances:
        raise CorpusError(f"{root}: no utterance has both scores and a recording{exclusions.summary()}")
    return known, utterances, exclusions


def read_scp(path: Path) -> dict[str, str]:
    """Read a map of Kaldi: a text file with a key, blanks and a value on each line (wav.scp, text, utt2spk).

    Returns:
        key -> value in the file's order, outer blanks removed.
    Raises:
        CorpusError: the file cannot be read, a line has no value, or a key comes twice; with file and line.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        key, *rest = line.split(maxsplit=1)
        if not rest:
            raise CorpusError(f"{path}, line {number}: {key!r} has no value; is the file cut off?")
        if key in values:
            raise CorpusError(f"{path}, line {number}: {key!r} comes twice; keep one of the lines")
        values[key] = rest[0].strip()
    return values


def _read_scores(root: Path) -> Mapping[str, Any]:
    path = next((path for path in (root / "resource/scores.json", root / "scores.json") if path.is_file()), None)
    if path is None:
        raise CorpusError(
            f"{root}: holds neither resource/scores.json nor scores.json; "
            "give the folder of speechocean762 as published (OpenSLR 101)"
        )
    scores = read_json(path)
    if not isinstance(scores, dict):
        raise CorpusError(f"{path}: expected one object, utterance by utterance; fetch it again")
    return scores


def _read_utterance(utterance: Utterance, root: Path, scores: Any, exclusions: Exclusions) -> Utterance | None:
    name = f"{utterance.speaker}/{utterance.utt}"
    if utterance.wav is None:
        exclusions.add("no recording named", name)
        return None
    if not (root / utterance.wav).is_file():
        exclusions.add("recording missing", name)
        return None
    if scores is None:
        exclusions.add("no scores", name)
        return None
    try:
        seconds = audio_seconds(root / utterance.wav)
    except CorpusError as error:
        exclusions.add("recording cannot be read", f"{name}: {error}")
        return None
    try:
        tokens = tuple(_tokens(scores))
    except (CorpusError, PhoneError) as error:
        exclusions.add("scores cannot be read", f"{name}: {error}")
        return None
    if not tokens:
        exclusions.add("annotation holds no phones", name)
        return None
    return replace(utterance, tokens=tokens, seconds=seconds)


def _tokens(scores: Any) -> Iterator[Token]:
    words = scores.get("words") if isinstance(scores, dict) else None
    if not isinstance(words, list):
        raise CorpusError("field 'words' must be a list")
    for index, word in enumerate(words):
        if not isinstance(word, dict):
            raise CorpusError(f"words {index}: expected an object")
        yield from _word_tokens(word, f"words {index}")


def _word_tokens(word: dict[str, Any], where: str) -> list[Token]:
    labels = phones_field(word, "phones", where)
    scores = scores_field(word, "phones-accuracy", where, len(labels))
    phones = [fold_arpabet(label) for label in true_stress(text_field(word, "text", where), labels)]
    positions = syllable_positions(phones)
    tokens = [scored_token(*scored) for scored in zip(phones, scores, positions, strict=True)]
    mispronunciations = word.get("mispronunciations") or []
    if not isinstance(mispronunciations, list):
        raise CorpusError(f"{where}: field 'mispronunciations' must be a list, not {format_value(mispronunciations)}")
    for mispronunciation in mispronunciations:
        index = mispronunciation.get("index") if isinstance(mispronunciation, dict) else None
        if type(index) is not int or not 0 <= index < len(tokens):
            raise CorpusError(f"{where}: mispronunciation {format_value(mispronunciation)} has no index of a phone")
        canonical = text_field(mispronunciation, "canonical-phone", where)
        produced = text_field(mispronunciation, "pronounced-phone", where)
        if without_stress(canonical) != without_stress(labels[index]):
            raise CorpusError(f"{where}: mispronunciation of {canonical!r}, but phone {index} is {labels[index]!r}")
        tokens[index] = _named(tokens[index], canonical, produced)
    return tokens


def _named(token: Token, canonical: str, produced: str) -> Token:
    """Correct a token by what the corpus says was said: a phone, with a star if the sound is only near it.

    `<unk>`, and the bare canonical phone of a mispronunciation, leave the sound unknown; `<DEL>` is a deletion.
    """
    label = produced.strip().replace("*", "")
    starred = "*" in produced
    same = without_stress(label) == without_stress(canonical)
    if label.lower() == _DELETED:
        return replace(token, perceived=None, error_type=ErrorType.DELETION)
    if label.lower() == _UNKNOWN or (same and not starred):
        return replace(token, perceived=None, error_type=ErrorType.SUBSTITUTION)
    phone = token.canonical if same else fold_arpabet(label)
    return replace(token, perceived=phone, error_type=ErrorType.SUBSTITUTION, accented=starred)
