"""A training run on another machine: its name there, and its paths below the machine's root folder."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

import asheard
from asheard.corpora import read_manifest
from asheard.errors import CorpusError
from asheard.io.digests import content_digest, json_digest, states_digest, text_digest
from asheard.remote.agent import RUNS
from asheard.training import TrainingOptions

_MAX_NAME: Final = 100  # characters of a folder's name; a digest follows


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRun:
    """A training run and its counterpart on a machine.

    name: the run's name there; it changes with everything that decides the weights. here: options with paths of this
    machine. there: options with paths below the machine's root. wavs: recordings of both manifests, relative to the
    wav root.
    """

    name: str
    here: TrainingOptions
    there: TrainingOptions
    wavs: tuple[str, ...]


def remote_run(options: TrainingOptions) -> RemoteRun:
    """Return a run's counterpart on any machine.

    Manifests and a local base are named by their content there, so runs share them. The machine fetches a base that is
    a hub id itself.

    Raises:
        CorpusError: a manifest cannot be read, or names a recording that is not below the wav root.
    """
    wavs = _recordings(options)
    states = states_digest([(wav, options.wav_root / wav) for wav in wavs])
    name = (
        f"{_plain(options.checkpoint_dir.name)}-{json_digest([asheard.__version__, options.fingerprint(), states])[:8]}"
    )
    base_is_local = options.base is not None and Path(options.base).exists()
    there = replace(
        options,
        train=_manifest_there(options.train),
        val=_manifest_there(options.val),
        wav_root=Path("wavs", f"{_plain(options.wav_root.name)}-{text_digest(str(options.wav_root.resolve()))[:8]}"),
        checkpoint_dir=RUNS / name,
        base=f"bases/{content_digest(options.base)[:16]}" if base_is_local and options.base else options.base,
        audio_cache=None if options.audio_cache is None else Path("audio-16khz"),
    )
    return RemoteRun(name=name, here=options, there=there, wavs=wavs)


def _manifest_there(manifest: Path) -> Path:
    return Path("manifests", f"{content_digest(manifest)[:16]}.jsonl")


def _plain(name: str) -> str:
    """Replace the characters that a shell or rsync could interpret; cut what makes a name too long."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-")[:_MAX_NAME] or "run"


def _recordings(options: TrainingOptions) -> tuple[str, ...]:
    wavs: set[str] = set()
    for manifest in (options.train, options.val):
        named = _recordings_of(manifest, content_digest(manifest))
        _check_recordings(manifest, options.wav_root, named)
        wavs |= named
    return tuple(sorted(wavs))


@lru_cache(maxsize=8)  # of one fold's manifests; runs follow each other fold by fold
def _recordings_of(manifest: Path, digest: str) -> frozenset[str]:
    """Read the recordings of a manifest. Runs of a study share manifests, and 20,000 rows take seconds to read."""
    return frozenset(row.wav for row in read_manifest(manifest) if row.wav is not None)


def _check_recordings(manifest: Path, wav_root: Path, wavs: Iterable[str]) -> None:
    for wav in wavs:
        path = PurePosixPath(wav)
        if path.is_absolute() or ".." in path.parts:
            raise CorpusError(f"{manifest}: recording {wav} is not below the wav root, so it cannot be copied; move it")
        if not (wav_root / wav).is_file():
            raise CorpusError(f"{manifest}: recording {wav} is not in {wav_root}; check the wav root")
