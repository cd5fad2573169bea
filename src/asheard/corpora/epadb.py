"""EpaDB: English read by 50 speakers of Argentine Spanish, annotated by hand phone by phone.

Read as published: the first annotator's TextGrids (`annotations_1`, complete) against the accepted pronunciation that
is nearest to them. The files in `labels` are the corpus's own product of the two; the second annotator, who covered a
few prompts a speaker, and the overall scores are not read.

Source: Vidal, Ferrer and Brambilla 2019, "EpaDB: a database for development of pronunciation assessment systems"
(CC BY-NC-ND 4.0).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from asheard.alignment import wper_align
from asheard.corpora.audio import seconds_or_exclude
from asheard.corpora.epadb_labels import DELETED, EpadbLabel, epadb_phone, parse_epadb_label
from asheard.corpora.epadb_references import Prompt, read_references
from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.corpora.roster import Roster
from asheard.corpora.splits import last_speakers
from asheard.corpora.textgrid import Interval, read_labels, read_tiers
from asheard.corpora.word_positions import with_positions
from asheard.errors import CorpusError

L1: Final = "Spanish"

_HOMES: Final = ("", "train", "test")  # the speakers' folders stand at the root, or below the corpus's own split
_REFERENCES: Final = "reference_transcriptions.txt"
_ANNOTATION: Final = "annotation"


def read_epadb(root: Path | str) -> tuple[Roster, list[Utterance], Exclusions]:
    """Read every annotated utterance.

    Args:
        root: the folder of the speakers' folders, or of train/ and test/ with these.
    Returns:
        the speakers, those below test/ kept for testing, or else the last by alphabet; utterances by speaker and
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
    for folder in sorted((folder for home in _HOMES for folder in (root / home).glob("*/annotations_1")), key=_by_name):
        for path in sorted(folder.glob("*.TextGrid"), key=_by_name):
            if (utterance := _read_utterance(path, root, prompts, exclusions)) is not None:
                utterances.append(utterance)
    if not utterances:
        raise CorpusError(
            f"{root}: no annotated utterances; expected folders such as {root}/spkr1/annotations_1, with waveforms "
            f"beside them{exclusions.listed()}"
        )
    l1s = dict.fromkeys((utterance.speaker for utterance in utterances), L1)
    tested = {utterance.speaker for utterance in utterances if str(utterance.wav).startswith("test/")}
    return Roster(l1s, frozenset(tested) or last_speakers(l1s)), utterances, exclusions


def parse_epadb(path: Path | str, prompt: Prompt) -> list[Token]:
    """Read the annotation of one utterance.

    Args:
        path: a TextGrid with a tier "annotation" and, for syllable positions, a tier "words".
        prompt: what was read; of its pronunciations the one nearest to the annotation is canonical.
    Returns:
        tokens with times. Of several phones said in one place all but the nearest to the canonical one are additions,
        and all have the time of the place. A difference that is lost among the 40 phones (aspiration, a star) leaves a
        substitution that names one phone twice, `accented`.
    Raises:
        CorpusError: not a TextGrid, no tier "annotation", a label that is no symbol of EpaDB (tier, interval, text), or
            no accepted pronunciation with as many places.
    """
    tiers = read_tiers(path)
    places = read_labels(path, tiers, _ANNOTATION, parse_epadb_label)
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
    """The label as a reference would have it; what is only near a phone is none that is accepted."""
    return ("+".join(label.symbols) or DELETED) + "*" * label.accented


def _tokens(canonical: str, label: EpadbLabel, interval: Interval) -> list[Token]:
    """What was said in the place of one canonical symbol; nothing where none was accepted and none said."""
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
    return Utterance(utt, speaker, L1, wav.relative_to(root).as_posix(), prompts[number].text, tuple(tokens), seconds)


def _by_name(path: Path) -> str:
    return path.as_posix()
