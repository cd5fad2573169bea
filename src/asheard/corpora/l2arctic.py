"""L2-ARCTIC: English read by 24 speakers of six first languages, annotated by hand; its labels, speakers and split.

The same reader takes another corpus in L2-ARCTIC's folders: a `speakers.csv` at its root (columns speaker, l1, split,
and synthetic if that is yes) then lists the speakers, and the real corpus is not expected.

The labels of the phone tier:

    label      = silence | phone | canonical "," perceived "," type
    type       = "s" (substitution) | "d" (deletion) | "a" (addition), in either case, "*" if accented
    silence    = "" | "sil" | "sp" | "spn", in either case
    perceived  = phone | silence | "err"
    phone      = an ARPAbet symbol in either case, with or without stress digit, "*" if accented

Blanks, line breaks and the stray characters ) ` _ 8 ! mean nothing anywhere. Each phone is folded by what is written on
its own side: AH0 and AX are schwa; AH, AH1 and AH2 are ʌ. A bare perceived AH is never schwa, because annotators
could write schwa as AX: `AH0,AH,s` is ə said as ʌ. A substitution may name one phone twice, as `R,R*,s` does: the sound
was an accented ɹ, and the alphabet has no symbol for it.

Source: Zhao et al. 2018, "L2-ARCTIC: a non-native English speech corpus" (CC BY-NC 4.0, release 5.0).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from asheard.corpora.exclusions import Exclusions, seconds_or_exclude
from asheard.corpora.records import ErrorType, Token, Utterance, begins_after
from asheard.corpora.splits import Speakers, last_speakers
from asheard.errors import CorpusError, PhoneError
from asheard.io.table import format_value, table_rows, text_field
from asheard.io.textgrid import Interval, parse_tier, read_tiers
from asheard.phones import ERR, fold_arpabet, is_silence
from asheard.phones.lexicon import syllable_positions

SPK_L1: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("ABA", "SKA", "YBAA", "ZHAA"), "Arabic"),
        **dict.fromkeys(("BWC", "LXC", "NCC", "TXHC"), "Chinese"),
        **dict.fromkeys(("ASI", "RRBI", "SVBI", "TNI"), "Hindi"),
        **dict.fromkeys(("HJK", "HKK", "YDCK", "YKWK"), "Korean"),
        **dict.fromkeys(("EBVS", "ERMS", "MBMPS", "NJS"), "Spanish"),
        **dict.fromkeys(("HQTV", "PNV", "THV", "TLV"), "Vietnamese"),
    }
)
TEST_SPK: Final = last_speakers(SPK_L1)
TRAIN_SPK: Final = frozenset(SPK_L1) - TEST_SPK

# Annotated utterances of each speaker in release 5.0: 2,699 of training speakers and 900 of test speakers.
NUM_ANNOTATED: Final[Mapping[str, int]] = MappingProxyType({spk: 149 if spk == "YBAA" else 150 for spk in SPK_L1})
L2ARCTIC: Final = Speakers(SPK_L1, TEST_SPK, NUM_ANNOTATED)

_WORDS, _PHONES = "words", "phones"
_TYPES = {error_type.value: error_type for error_type in ErrorType if error_type is not ErrorType.OK}
_SIDES = {  # whether (canonical, perceived) hold a phone
    ErrorType.SUBSTITUTION: (True, True),
    ErrorType.DELETION: (True, False),
    ErrorType.ADDITION: (False, True),
}
_STRAY = str.maketrans("", "", "*)`_8!")


class L2ArcticLabel(NamedTuple):
    """One label, phones folded to IPA; `perceived` is "err" if the annotator could not name the sound."""

    canonical: str | None
    perceived: str | None
    error_type: ErrorType
    accented: bool


@lru_cache(maxsize=8192)  # a corpus has a few thousand labels, each thousands of times
def parse_label(text: str) -> L2ArcticLabel | None:
    """Parse one label of a phone tier.

    Args:
        text: the label as written.
    Returns:
        its phones and error type, or None for silence.
    Raises:
        ValueError: the label is outside the grammar; the message says why.
    """
    fields = "".join(text.split()).split(",")
    accented = "*" in text
    if len(fields) == 1:
        phone = _phone(fields[0])
        if phone is None:
            return None
        if phone == ERR:
            raise ValueError("err needs the canonical phone before it")
        return L2ArcticLabel(phone, phone, ErrorType.OK, accented)
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields, expected one or three")
    error_type = _TYPES.get(fields[2].translate(_STRAY).lower())
    if error_type is None:
        raise ValueError(f"error type {fields[2]!r} is none of s, d, a")
    canonical, perceived = _phone(fields[0]), _phone(fields[1])
    if canonical == ERR:
        raise ValueError("err is a perceived label, never a canonical one")
    if (canonical is not None, perceived is not None) != _SIDES[error_type]:
        raise ValueError(f"type {error_type.value} does not fit the phone or silence on either side")
    return L2ArcticLabel(canonical, perceived, error_type, accented)


def _phone(written: str) -> str | None:
    """Fold one side of a label to an IPA phone, "err", or None for silence."""
    symbol = written.translate(_STRAY)
    if symbol.lower() == ERR:
        return ERR
    if is_silence(symbol):
        return None
    try:
        return fold_arpabet(symbol)
    except PhoneError as error:
        raise ValueError(str(error)) from None


def parse_annotation(path: Path | str) -> list[Token]:
    """Read the hand annotation of one utterance.

    Args:
        path: a TextGrid with a tier "phones" and, for syllable positions, a tier "words"; other tiers are ignored.
    Returns:
        one token for each label, silences left out, phones folded to IPA, times in seconds. `err` gives perceived None.
        position is that of the canonical phone within its word; None if no word covers it, and at additions.
    Raises:
        CorpusError: not a TextGrid, no tier "phones", or a label outside the grammar (file, tier, interval, text).
    """
    tiers = read_tiers(path)
    tokens = [
        Token(
            canonical=label.canonical,
            perceived=None if label.perceived == ERR else label.perceived,
            error_type=label.error_type,
            start_s=interval.start_s,
            end_s=interval.end_s,
            accented=label.accented,
        )
        for label, interval in parse_tier(path, tiers, _PHONES, parse_label)
    ]
    return with_positions(tokens, tiers.get(_WORDS, []))


def with_positions(tokens: Sequence[Token], words: Sequence[Interval]) -> list[Token]:
    """Give each canonical phone its syllable position within the word that its midpoint falls in.

    Args:
        tokens: in order, with times.
        words: the tier of words, silences included.
    Returns:
        The tokens; position stays None at additions and if no word covers the phone.
    """
    starts = [word.start_s for word in words]
    by_word: defaultdict[int, list[int]] = defaultdict(list)
    for index, token in enumerate(tokens):
        if token.canonical is None or token.start_s is None or token.end_s is None:
            continue
        midpoint = (token.start_s + token.end_s) / 2
        word = bisect_right(starts, midpoint) - 1
        if word >= 0 and midpoint <= words[word].end_s and not is_silence(words[word].label):
            by_word[word].append(index)
    placed = list(tokens)
    for indices in by_word.values():
        positions = syllable_positions([str(tokens[index].canonical) for index in indices])
        for index, position in zip(indices, positions, strict=True):
            placed[index] = replace(tokens[index], position=position)
    return placed


def reconstruct_produced(tokens: Iterable[Token | tuple[str | None, str | None, str]]) -> list[str]:
    """Give the phones that were said.

    Args:
        tokens: tokens, or plain (canonical, perceived, error type) triples of any symbols.
    Returns:
        the perceived phone at ok and s, nothing at d, the extra phone at a; never a silence. A sound without a name is
        left out of tokens (their perceived is None) and kept as the triple's own symbol.
    Raises:
        CorpusError: an error type other than ok, s, d, a.
    """
    produced = []
    for token in tokens:
        _, perceived, kind = (token.canonical, token.perceived, token.error_type) if isinstance(token, Token) else token
        try:
            error_type = ErrorType(str(kind).strip().lower())
        except ValueError:
            raise CorpusError(f"error type {kind!r} is none of ok, s, d, a") from None
        if error_type is not ErrorType.DELETION and perceived is not None and not is_silence(perceived):
            produced.append(perceived)
    return produced


def read_speakers(root: Path | str) -> Speakers:
    """Read the speakers of the corpus at `root`: from its speakers.csv, or the 24 speakers of L2-ARCTIC without one.

    Raises:
        CorpusError: speakers.csv lacks a column, or a row of it a value, or a speaker comes twice; with line.
    """
    path = Path(root) / "speakers.csv"
    if not path.is_file():
        return L2ARCTIC
    l1s, test, synthetic = {}, set(), False
    for where, row in table_rows(path, ("speaker", "l1", "split")):
        speaker, l1, split = (text_field(row, name, where) for name in ("speaker", "l1", "split"))
        if split not in ("train", "test"):
            raise CorpusError(f"{where}: field 'split' must be train or test, not {format_value(split)}")
        if speaker in l1s:
            raise CorpusError(f"{where}: speaker {speaker} comes twice; keep one of the rows")
        l1s[speaker] = l1
        if split == "test":
            test.add(speaker)
        synthetic |= row.get("synthetic") == "yes"
    return Speakers(l1s, frozenset(test), synthetic=synthetic)


def read_l2arctic(root: Path | str) -> tuple[list[Utterance], Exclusions]:
    """Read every annotated utterance of a corpus in L2-ARCTIC's folders.

    Args:
        root: the folder of the speakers' folders, each SPK/annotation or SPK/SPK/annotation.
    Returns:
        utterances by speaker and name, wav paths relative to `root`, and what was left out: other folders
        (suitcase_corpus is one of them), annotations that cannot be read, and those without a readable recording.
    Raises:
        CorpusError: `root` holds no annotation of any speaker.
    """
    root = Path(root)
    speakers = read_speakers(root)
    exclusions = Exclusions()
    utterances = []
    for folder in sorted(path for path in root.glob("*/") if not path.name.startswith(".")):
        if folder.name not in speakers.l1s:
            exclusions.add("folder of no known speaker", folder.name)
            continue
        home = next((home for home in (folder, folder / folder.name) if (home / "annotation").is_dir()), None)
        if home is None:
            exclusions.add("speaker without annotation folder", folder.name)
            continue
        for path in sorted((home / "annotation").iterdir()):
            if path.suffix.lower() == ".textgrid" and not path.name.startswith("."):
                utterance = _read_utterance(path, folder.name, speakers.l1s[folder.name], root, exclusions)
                if utterance is not None:
                    utterances.append(utterance)
    if not utterances:
        raise CorpusError(
            f"{root}: no annotated utterances; expected folders such as "
            f"{root}/{next(iter(speakers.l1s), 'SPK')}/annotation, with wav and transcript beside them"
            f"{exclusions.summary()}"
        )
    return utterances, exclusions


def _read_utterance(path: Path, speaker: str, l1: str, root: Path, exclusions: Exclusions) -> Utterance | None:
    utt, home = path.stem, path.parent.parent
    wav = home / "wav" / f"{utt}.wav"
    name = f"{speaker}/{utt}"
    seconds = seconds_or_exclude(wav, name, exclusions)
    if seconds is None:
        return None
    try:
        tokens = parse_annotation(path)
    except CorpusError as error:
        exclusions.add("annotation cannot be read", str(error))
        return None
    if not tokens:
        exclusions.add("annotation holds no phones", name)
        return None
    if begins_after(tokens, seconds):
        exclusions.add("annotation goes beyond its recording", name)
        return None
    transcript = home / "transcript" / f"{utt}.txt"
    text = transcript.read_text(encoding="utf-8-sig", errors="replace").strip() if transcript.is_file() else None
    return Utterance(
        utt=utt,
        speaker=speaker,
        l1=l1,
        wav=wav.relative_to(root).as_posix(),
        text=text or None,
        tokens=tuple(tokens),
        seconds=seconds,
    )
