"""L2-ARCTIC: English read by 24 speakers of six first languages, its hand annotation, and its split.

The same reader takes a corpus in L2-ARCTIC's folders that is not L2-ARCTIC: a `speakers.csv` at its root (columns
speaker, l1, split, and synthetic where that is yes) then says who speaks, and nothing of the real corpus is expected.

Source: Zhao et al. 2018, "L2-ARCTIC: a non-native English speech corpus" (CC BY-NC 4.0, release 5.0).
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from asheard.corpora.audio import seconds_or_exclude
from asheard.corpora.exclusions import Exclusions
from asheard.corpora.label_grammar import parse_label
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.corpora.roster import Roster
from asheard.corpora.splits import last_speakers
from asheard.corpora.textgrid import read_labels, read_tiers
from asheard.corpora.word_positions import with_positions
from asheard.errors import CorpusError
from asheard.phones import ERR, is_silence

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

# Annotated utterances a speaker in release 5.0: 2,699 of training speakers and 900 of test speakers.
NUM_ANNOTATED: Final[Mapping[str, int]] = MappingProxyType({spk: 149 if spk == "YBAA" else 150 for spk in SPK_L1})

_WORDS, _PHONES = "words", "phones"


L2ARCTIC: Final = Roster(SPK_L1, TEST_SPK, NUM_ANNOTATED)


def parse_annotation(path: Path | str) -> list[Token]:
    """Read the hand annotation of one utterance.

    Args:
        path: a TextGrid with a tier "phones" and, for syllable positions, a tier "words"; other tiers are ignored.
    Returns:
        one token a label, silences left out, phones folded to IPA, times in seconds. `err` gives perceived None.
        position is that of the canonical phone within its word; None where no word covers it, and at additions.
    Raises:
        CorpusError: not a TextGrid, no tier "phones", or a label outside the grammar (file, tier, interval, text).
    """
    tiers = read_tiers(path)
    labelled = read_labels(path, tiers, _PHONES, parse_label)
    tokens = [
        Token(
            canonical=label.canonical,
            perceived=None if label.perceived == ERR else label.perceived,
            error_type=label.error_type,
            start_s=interval.start_s,
            end_s=interval.end_s,
            accented=label.accented,
        )
        for label, interval in labelled
    ]
    return with_positions(tokens, tiers.get(_WORDS, []))


def reconstruct_produced(tokens: Iterable[Token | tuple[str | None, str | None, str]]) -> list[str]:
    """The phones that were said.

    Args:
        tokens: tokens, or plain (canonical, perceived, error type) triples of any symbols.
    Returns:
        the perceived phone at ok and s, nothing at d, the extra phone at a; never a silence. An unnameable sound is
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


def read_roster(root: Path | str) -> Roster:
    """Who speaks in the corpus at `root`: its own speakers.csv, or else the 24 speakers of L2-ARCTIC.

    Raises:
        CorpusError: speakers.csv lacks a column, or a row of it a value.
    """
    path = Path(root) / "speakers.csv"
    if not path.is_file():
        return L2ARCTIC
    l1s, test, synthetic = {}, set(), False
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            speaker, l1, split = (row.get(name) for name in ("speaker", "l1", "split"))
            if not speaker or not l1 or split not in ("train", "test") or speaker in l1s:
                raise CorpusError(
                    f"{path}, line {number}: expected one row a speaker with columns speaker, l1 and split "
                    f"(train or test), not {speaker!r}, {l1!r}, {split!r}"
                )
            l1s[speaker] = l1
            if split == "test":
                test.add(speaker)
            synthetic |= row.get("synthetic") == "yes"
    return Roster(l1s, frozenset(test), synthetic=synthetic)


def read_corpus(root: Path | str) -> tuple[list[Utterance], Exclusions]:
    """Read every annotated utterance of a corpus in L2-ARCTIC's folders.

    Args:
        root: the folder of the speakers' folders, each SPK/annotation or SPK/SPK/annotation.
    Returns:
        utterances by speaker and name, wav paths relative to `root`, and what was left out: other folders
        (suitcase_corpus among them), annotations that cannot be read, and those without a readable recording.
    Raises:
        CorpusError: `root` holds no annotation of any speaker.
    """
    root = Path(root)
    roster = read_roster(root)
    exclusions = Exclusions()
    utterances = []
    for folder in sorted(path for path in root.glob("*/") if not path.name.startswith(".")):
        if folder.name not in roster.l1s:
            exclusions.add("folder of no known speaker", folder.name)
            continue
        home = next((home for home in (folder, folder / folder.name) if (home / "annotation").is_dir()), None)
        if home is None:
            exclusions.add("speaker without annotation folder", folder.name)
            continue
        for path in sorted((home / "annotation").iterdir()):
            if path.suffix.lower() == ".textgrid" and not path.name.startswith("."):
                utterance = _read_utterance(path, folder.name, roster.l1s[folder.name], root, exclusions)
                if utterance is not None:
                    utterances.append(utterance)
    if not utterances:
        raise CorpusError(
            f"{root}: no annotated utterances; expected folders such as "
            f"{root}/{next(iter(roster.l1s), 'SPK')}/annotation, with wav and transcript beside them"
            f"{exclusions.listed()}"
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
