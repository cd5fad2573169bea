"""Build the manifests of a corpus: train.jsonl, val.jsonl, test.jsonl, and corpus.json, which reports the build."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from asheard.corpora.epadb import read_epadb
from asheard.corpora.exclusions import Exclusions
from asheard.corpora.l2arctic import read_l2arctic, read_speakers
from asheard.corpora.records import Utterance, write_manifest
from asheard.corpora.speechocean762 import NUM_SPEAKERS, NUM_UTTERANCES, read_speechocean
from asheard.corpora.splits import last_speakers, split_corpus
from asheard.corpora.table import read_table
from asheard.errors import CorpusError
from asheard.io.audio import audio_seconds
from asheard.io.files import make_folder, read_json, write_json
from asheard.io.locks import locked_folder
from asheard.io.typed_json import record_from_json

CORPUS_JSON: Final = "corpus.json"


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The report of a build.

    Attributes:
        corpus: its name.
        num_read: utterances read of (training, test) speakers.
        num_expected: the same for a complete copy, if known.
        missing: speaker -> number of utterances that a complete copy has more.
        num_utterances: split -> utterances in its manifest.
        excluded: reason -> what was left out.
        synthetic: whether a synthesiser made the speech.
        num_speakers: (training, test) speakers; None in reports of older versions.
        num_speakers_expected: the same for a complete copy, if known.
    """

    corpus: str
    num_read: tuple[int, int]
    num_expected: tuple[int, int] | None
    missing: dict[str, int]
    num_utterances: dict[str, int]
    excluded: dict[str, list[str]]
    synthetic: bool = False
    num_speakers: tuple[int, int] | None = None
    num_speakers_expected: tuple[int, int] | None = None


def build_l2arctic(
    root: Path | str,
    out: Path | str,
    *,
    test_speakers: Collection[str] | None = None,
    text_disjoint: bool = False,
) -> BuildReport:
    """Build the manifests of L2-ARCTIC, or of a corpus in its folders; wav paths are relative to `root`.

    Args:
        root: the corpus, as of `read_l2arctic`.
        out: folder for the manifests.
        test_speakers: speakers kept for testing; None takes the corpus's own.
        text_disjoint: leave out training utterances of prompts that test speakers read.
    Raises:
        CorpusError: `root` is no such corpus.
    """
    speakers = read_speakers(root)
    test_speakers = speakers.test_speakers if test_speakers is None else test_speakers
    utterances, exclusions = read_l2arctic(root)
    expected = speakers.num_annotated
    return _write(
        out,
        "L2-ARCTIC" if expected else Path(root).resolve().name,
        utterances,
        test_speakers,
        exclusions,
        expected=_complete(expected, test_speakers) if expected else None,
        missing=speakers.missing(utterances),
        synthetic=speakers.synthetic,
        text_disjoint=text_disjoint,
    )


def build_table(
    path: Path | str, out: Path | str, *, wav_root: Path | str | None = None, text_disjoint: bool = False
) -> BuildReport:
    """Build the manifests of a table; the last speaker of each L1 by alphabet is kept for testing.

    Args:
        path: the table, as of `read_table`.
        out: folder for the manifests.
        wav_root: folder that the table's wav paths start from. Utterances without a readable recording there are left
            out, and lengths are read from the recordings. None does not read recordings.
        text_disjoint: leave out training utterances of prompts that test speakers read.
    Raises:
        CorpusError: the table cannot be read, or no utterance of it has a recording.
    """
    utterances, exclusions = read_table(path), Exclusions()
    if wav_root is not None:
        utterances = _with_seconds(utterances, Path(wav_root), exclusions)
        if not utterances:
            raise CorpusError(f"{path}: no utterance has a recording under {wav_root}; check --wav-root")
    test_speakers = last_speakers({utterance.speaker: utterance.l1 for utterance in utterances})
    return _write(out, Path(path).stem, utterances, test_speakers, exclusions, text_disjoint=text_disjoint)


def build_speechocean(root: Path | str, out: Path | str, *, text_disjoint: bool = False) -> BuildReport:
    """Build the manifests of speechocean762 with its own split; wav paths are relative to `root`.

    Args:
        root: the corpus as published, as of `read_speechocean`.
        out: folder for the manifests.
        text_disjoint: leave out training utterances of prompts that test speakers read.
    Raises:
        CorpusError: `root` is no such corpus.
    """
    speakers, utterances, exclusions = read_speechocean(root)
    return _write(
        out,
        "speechocean762",
        utterances,
        speakers.test_speakers,
        exclusions,
        expected=_Complete(NUM_UTTERANCES, NUM_SPEAKERS),
        missing=speakers.missing(utterances),
        text_disjoint=text_disjoint,
    )


def build_epadb(root: Path | str, out: Path | str, *, text_disjoint: bool = False) -> BuildReport:
    """Build the manifests of EpaDB; wav paths are relative to `root`.

    Args:
        root: the corpus as published, as of `read_epadb`, which also chooses the test speakers.
        out: folder for the manifests.
        text_disjoint: leave out training utterances of prompts that test speakers read.
    Raises:
        CorpusError: `root` is no such corpus.
    """
    speakers, utterances, exclusions = read_epadb(root)
    return _write(out, "EpaDB", utterances, speakers.test_speakers, exclusions, text_disjoint=text_disjoint)


def read_build_report(folder: Path | str) -> BuildReport:
    """Read the corpus.json beside manifests.

    Raises:
        CorpusError: it is missing or not what `asheard corpus build` writes.
    """
    path = Path(folder) / CORPUS_JSON
    report: BuildReport = record_from_json(BuildReport, read_json(path), str(path))
    return report


def is_synthetic(manifest: Path | str) -> bool:
    """Tell whether the corpus.json beside a manifest says that no people speak; False if there is no such file."""
    try:
        return read_build_report(Path(manifest).parent).synthetic
    except CorpusError:
        return False


def _with_seconds(utterances: Sequence[Utterance], wav_root: Path, exclusions: Exclusions) -> list[Utterance]:
    kept = []
    for utterance in utterances:
        name = f"{utterance.speaker}/{utterance.utt}"
        if utterance.wav is None:
            exclusions.add("no recording named", name)
            continue
        try:
            kept.append(replace(utterance, seconds=audio_seconds(wav_root / utterance.wav)))
        except CorpusError as error:
            exclusions.add("recording missing or cannot be read", f"{name}: {error}")
    return kept


class _Complete(NamedTuple):
    """Counts of a complete copy, of (training, test) speakers."""

    num_utterances: tuple[int, int]
    num_speakers: tuple[int, int]


def _complete(num_by_speaker: Mapping[str, int], test_speakers: Collection[str]) -> _Complete:
    tested = [number for speaker, number in num_by_speaker.items() if speaker in test_speakers]
    return _Complete(
        (sum(num_by_speaker.values()) - sum(tested), sum(tested)), (len(num_by_speaker) - len(tested), len(tested))
    )


def _write(
    out: Path | str,
    corpus: str,
    utterances: Sequence[Utterance],
    test_speakers: Collection[str],
    exclusions: Exclusions,
    *,
    expected: _Complete | None = None,
    missing: dict[str, int] | None = None,
    synthetic: bool = False,
    text_disjoint: bool,
) -> BuildReport:
    speakers = {utterance.speaker for utterance in utterances}
    tested = speakers & set(test_speakers)
    num_test = sum(utterance.speaker in test_speakers for utterance in utterances)
    manifests = split_corpus(utterances, test_speakers, exclusions, text_disjoint=text_disjoint)
    report = BuildReport(
        corpus=corpus,
        num_read=(len(utterances) - num_test, num_test),
        num_expected=expected.num_utterances if expected else None,
        num_speakers=(len(speakers - tested), len(tested)),
        num_speakers_expected=expected.num_speakers if expected else None,
        missing=missing or {},
        num_utterances={split: len(rows) for split, rows in manifests.items()},
        excluded=dict(exclusions),
        synthetic=synthetic,
    )
    folder = make_folder(out)
    with locked_folder(folder):
        (folder / CORPUS_JSON).unlink(missing_ok=True)  # it is written last, so manifests of two builds have none
        for split, rows in manifests.items():
            write_manifest(folder / f"{split}.jsonl", rows)
        write_json(folder / CORPUS_JSON, asdict(report))
    return report
