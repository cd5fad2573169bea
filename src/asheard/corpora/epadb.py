"""EpaDB: English read by 50 speakers of Argentine Spanish, annotated by hand phone by phone.

It is read as published: the first annotator's TextGrids (`annotations_1`, complete) against the accepted pronunciation
that is nearest to them. Not read: the files in `labels`, which the corpus made of the two; the second annotator, who
covered a few prompts a speaker; the overall scores.

The labels are ARPAbet and symbols of EpaDB's own for Spanish sounds and allophones:

    label      = silence | "0" | phone { "+" phone } [ "*" ]
    silence    = "" | "sil" | "sp" | "None"
    phone      = a symbol of EpaDB's own, in exactly its case, or of ARPAbet in either case

`0` is a phone left out, `+` joins what was said in one place, and `*` marks a sound near the phone. Digits at the end
mean nothing, except in `AH0`, schwa. AR and UR are an ER read as Spanish spells it, which other
files have as AA+R and UW+R.

Source: Vidal, Ferrer and Brambilla 2019, "EpaDB: a database for development of pronunciation assessment systems"
(CC BY-NC-ND 4.0), and the corpus's own assign_reference.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from asheard.corpora.exclusions import Exclusions, seconds_or_exclude
from asheard.corpora.l2arctic import with_positions
from asheard.corpora.records import ErrorType, Token, Utterance, begins_after
from asheard.corpora.splits import Speakers, last_speakers
from asheard.errors import CorpusError, PhoneError
from asheard.io.files import read_text
from asheard.io.textgrid import Interval, parse_tier, read_tiers
from asheard.phones import fold_arpabet, fold_ipa, is_silence
from asheard.phones.alignment import wper_align

_L1: Final = "Spanish"
DELETED: Final = "0"

# In IPA, to be folded: aspiration, for example, is finer than the 40 phones.
_OWN: Final = {
    "Ph": "pʰ", "Th": "tʰ", "Kh": "kʰ",
    "BH": "β", "GH": "ɣ", "X": "x", "RR": "r", "DX": "ɾ",
    "A": "a", "E": "e", "O": "o",
}  # fmt: skip
_RHYMES: Final = {"AR": ("A", "R"), "UR": ("UW", "R")}

_LINE: Final = re.compile(r"(TEXT|TRANSCRIPTION) +(\w+) *: *(.+)")  # of the reference pronunciations
_HOMES: Final = ("", "train", "test")  # speakers' folders are at the root, or below the corpus's own split
_REFERENCES: Final = "reference_transcriptions.txt"
_ANNOTATION: Final = "annotation"

Slots = tuple[tuple[str, ...], ...]  # the accepted symbols of each place, `0` if the phone may be missing


class EpadbLabel(NamedTuple):
    """What was said in one place.

    symbols: as EpaDB writes them, in one case and without digits; empty if the phone was left out. phones: the same in
    the 40 phones. accented: only near them.
    """

    symbols: tuple[str, ...]
    phones: tuple[str, ...]
    accented: bool


@lru_cache(maxsize=8192)  # a corpus has some hundred labels, each hundreds of times
def parse_epadb_label(text: str) -> EpadbLabel | None:
    """Parse one label of the annotation.

    Returns:
        the label, or None for silence.
    Raises:
        PhoneError: a part of it is no symbol of EpaDB.
    """
    label = text.strip()
    if is_silence(label) or label == "None":
        return None
    if label == DELETED:
        return EpadbLabel((), (), accented=False)
    written = label.replace("*", "").split("+")
    symbols = tuple(part for symbol in written for part in _RHYMES.get(symbol, (_normalised(symbol),)))
    return EpadbLabel(symbols, tuple(map(epadb_phone, symbols)), accented="*" in label)


@lru_cache(maxsize=1024)
def epadb_phone(symbol: str) -> str:
    """Fold one symbol to an IPA phone of the inventory.

    Raises:
        PhoneError: no such symbol.
    """
    if symbol in _OWN:
        return fold_ipa(_OWN[symbol])[0]
    return fold_arpabet(symbol)


def _normalised(symbol: str) -> str:
    if symbol in _OWN:
        return symbol
    upper = symbol.upper()
    if not upper:
        raise PhoneError("a part of the label is empty")
    return upper if upper == "AH0" else upper.rstrip("012")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was to be read, and the accepted pronunciations."""

    text: str
    pronunciations: tuple[Slots, ...]

    def nearest(self, said: Sequence[str]) -> tuple[str, ...] | None:
        """Choose the accepted pronunciation that shares most places with what was said.

        In a place where what was said is not accepted, the first accepted symbol is taken: this is EpaDB's own rule. Of
        equally near pronunciations the first is taken.

        Args:
            said: one symbol a place, or several joined by "+"; `0` if the phone was left out.
        Returns:
            one symbol a place; None if no pronunciation has as many places.
        Source: assign_reference.py, published with the corpus.
        """
        fitting = [slots for slots in self.pronunciations if len(slots) == len(said)]
        if not fitting:
            return None
        best = max(fitting, key=lambda slots: sum(symbol in slot for symbol, slot in zip(said, slots, strict=True)))
        return tuple(symbol if symbol in slot else slot[0] for symbol, slot in zip(said, best, strict=True))


def read_references(path: Path) -> dict[str, Prompt]:
    """Read the pronunciations of each prompt that the annotators accept.

    Args:
        path: lines `TEXT n: words` and `TRANSCRIPTION n: phones`, one or more of the latter, with `/` between the
            symbols that are accepted in one place; other lines are blank.
    Returns:
        number of the prompt -> prompt.
    Raises:
        CorpusError: another line, a symbol that is no phone, or a prompt that lacks one of the two; with line.
    """
    texts: dict[str, str] = {}
    pronunciations: dict[str, list[Slots]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise CorpusError(f"{path}, line {number}: neither 'TEXT n: ...' nor 'TRANSCRIPTION n: ...'")
        kind, prompt, content = match.groups()
        if kind == "TEXT":
            texts[prompt] = content
            continue
        slots = tuple(tuple(place.split("/")) for place in content.split())
        for symbol in (symbol for slot in slots for symbol in slot):
            try:
                symbol == DELETED or epadb_phone(symbol)
            except PhoneError as error:
                raise CorpusError(f"{path}, line {number}: {error}") from None
        pronunciations.setdefault(prompt, []).append(slots)
    if lacking := texts.keys() ^ pronunciations.keys():
        raise CorpusError(f"{path}: prompt {min(lacking)} has a text and no transcription, or the reverse")
    return {prompt: Prompt(texts[prompt], tuple(slots)) for prompt, slots in pronunciations.items()}


def read_epadb(root: Path | str) -> tuple[Speakers, list[Utterance], Exclusions]:
    """Read every annotated utterance.

    Args:
        root: the folder of the speakers' folders, or of train/ and test/ with these.
    Returns:
        the speakers, those below test/ kept for testing, or the last by alphabet without one; utterances by speaker and
        prompt, wav paths relative to `root`; what was left out.
    Raises:
        CorpusError: `root` has no reference_transcriptions.txt, or a broken one, or no annotated utterance.
    """
    root = Path(root)
    references = next((path for home in _HOMES if (path := root / home / _REFERENCES).is_file()), None)
    if references is None:
        raise CorpusError(f"{root}: holds no {_REFERENCES}; give the folder of EpaDB as published")
    prompts = read_references(references)
    exclusions = Exclusions()
    utterances = []
    folders = (folder for home in _HOMES for folder in (root / home).glob("*/annotations_1"))
    for folder in sorted(folders, key=Path.as_posix):
        for path in sorted(folder.glob("*.TextGrid"), key=Path.as_posix):
            if (utterance := _read_utterance(path, root, prompts, exclusions)) is not None:
                utterances.append(utterance)
    if not utterances:
        raise CorpusError(
            f"{root}: no annotated utterances; expected folders such as {root}/spkr1/annotations_1, with waveforms "
            f"beside them{exclusions.summary()}"
        )
    l1s = dict.fromkeys((utterance.speaker for utterance in utterances), _L1)
    tested = {utterance.speaker for utterance in utterances if str(utterance.wav).startswith("test/")}
    return Speakers(l1s, frozenset(tested) or last_speakers(l1s)), utterances, exclusions


def parse_epadb(path: Path | str, prompt: Prompt) -> list[Token]:
    """Read the annotation of one utterance.

    Args:
        path: a TextGrid with a tier "annotation" and, for syllable positions, a tier "words".
        prompt: what was read; of its pronunciations the one nearest to the annotation is canonical.
    Returns:
        tokens with times. Of several phones said in one place all but the nearest to the canonical one are additions,
        and all have the time of the place. A difference that is finer than the 40 phones (aspiration, a star) makes a
        substitution that names one phone twice, `accented`.
    Raises:
        CorpusError: not a TextGrid, no tier "annotation", a label that is no symbol of EpaDB (tier, interval, text), or
            no accepted pronunciation with as many places.
    """
    tiers = read_tiers(path)
    places = parse_tier(path, tiers, _ANNOTATION, parse_epadb_label)
    canonical = prompt.nearest([_as_written(label) for label, _ in places])
    if canonical is None:
        raise CorpusError(f"{path}: no accepted pronunciation of {prompt.text!r} has {len(places)} places")
    tokens = [
        token
        for symbol, (label, interval) in zip(canonical, places, strict=True)
        for token in _tokens(symbol, label, interval)
    ]
    return with_positions(tokens, tiers.get("words", []))


def _as_written(label: EpadbLabel) -> str:
    """Write the label as a reference would; a sound that is only near a phone is never accepted."""
    return ("+".join(label.symbols) or DELETED) + "*" * label.accented


def _tokens(canonical: str, label: EpadbLabel, interval: Interval) -> list[Token]:
    """Make the tokens of one place; none if no phone was accepted and none said."""
    reference = [] if canonical == DELETED else [epadb_phone(canonical)]
    wrong = label.accented or (len(label.symbols) == 1 and label.symbols[0] != canonical)
    tokens = []
    for phone, perceived in wper_align(reference, label.phones):
        if phone is None:
            error_type = ErrorType.ADDITION
        elif perceived is None:
            error_type = ErrorType.DELETION
        else:
            error_type = ErrorType.SUBSTITUTION if wrong or phone != perceived else ErrorType.OK
        accented = label.accented or (error_type is ErrorType.SUBSTITUTION and phone == perceived)
        tokens.append(Token(phone, perceived, error_type, interval.start_s, interval.end_s, accented))
    return tokens


def _read_utterance(path: Path, root: Path, prompts: Mapping[str, Prompt], exclusions: Exclusions) -> Utterance | None:
    folder = path.parent.parent
    utt, speaker = path.stem, folder.name
    name = f"{speaker}/{utt}"
    owner, _, number = utt.rpartition("_")
    if owner != speaker:
        exclusions.add("annotation of another speaker", name)
        return None
    if number not in prompts:
        exclusions.add("prompt without reference pronunciation", name)
        return None
    wav = folder / "waveforms" / f"{utt}.wav"
    seconds = seconds_or_exclude(wav, name, exclusions)
    if seconds is None:
        return None
    try:
        tokens = parse_epadb(path, prompts[number])
    except CorpusError as error:
        exclusions.add("annotation cannot be read", str(error))
        return None
    if begins_after(tokens, seconds):
        exclusions.add("annotation goes beyond its recording", name)
        return None
    return Utterance(utt, speaker, _L1, wav.relative_to(root).as_posix(), prompts[number].text, tuple(tokens), seconds)
