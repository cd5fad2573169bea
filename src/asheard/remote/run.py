"""A training run as other machines know it: its name, and its paths below a machine's root."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath

import asheard
from asheard.corpora import read_manifest
from asheard.errors import CorpusError
from asheard.io.digests import content_digest, text_digest
from asheard.remote.agent import RUNS
from asheard.training import TrainingOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRun:
    """name: of the run there; it changes with whatever decides the weights. here, there: its options on either side.

    wavs: recordings of both manifests, relative to the wav root.
    """

    name: str
    here: TrainingOptions
    there: TrainingOptions
    wavs: tuple[str, ...]


def remote_run(options: TrainingOptions) -> RemoteRun:
    """Name a run, and say where its files lie below a machine's root.

    Manifests and a local base go by their content there, so that runs share them; a hub id is left to the machine.

    Raises:
        CorpusError: a manifest cannot be read, or names a recording that is not below the wav root.
    """
    wavs = _wavs(options)
    about = [(wav, status.st_size, status.st_mtime_ns) for wav in wavs for status in [(options.wav_root / wav).stat()]]
    identity = json.dumps([asheard.__version__, options.fingerprint(), about])
    name = f"{plain(options.checkpoint_dir.name)}-{_short(identity)}"
    base_is_local = options.base is not None and Path(options.base).exists()
    there = replace(
        options,
        train=manifest_there(options.train),
        val=manifest_there(options.val),
        wav_root=Path("wavs", f"{plain(options.wav_root.name)}-{_short(str(options.wav_root.resolve()))}"),
        checkpoint_dir=RUNS / name,
        base=f"bases/{content_digest(options.base)[:16]}" if base_is_local and options.base else options.base,
        audio_cache=None if options.audio_cache is None else Path("audio-16khz"),
    )
    return RemoteRun(name=name, here=options, there=there, wavs=wavs)


def manifest_there(manifest: Path) -> Path:
    """Where a manifest lies, below a machine's root."""
    return Path("manifests", f"{content_digest(manifest)[:16]}.jsonl")


def plain(name: str) -> str:
    """A name without what a shell or rsync might take for something else."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-") or "run"


def _wavs(options: TrainingOptions) -> tuple[str, ...]:
    wavs: set[str] = set()
    for manifest in (options.train, options.val):
        named = _named(manifest, content_digest(manifest))
        _refuse_strangers(manifest, options.wav_root, named)
        wavs |= named
    return tuple(sorted(wavs))


@cache
def _named(manifest: Path, digest: str) -> frozenset[str]:
    """The recordings of a manifest with this content; runs of a study share theirs, and 20,000 rows take seconds."""
    return frozenset(row.wav for row in read_manifest(manifest) if row.wav is not None)


def _refuse_strangers(manifest: Path, wav_root: Path, wavs: Iterable[str]) -> None:
    for wav in wavs:
        place = PurePosixPath(wav)
        if place.is_absolute() or ".." in place.parts:
            raise CorpusError(f"{manifest}: the recording {wav} is not below the wav root, so it cannot be mirrored")
        if not (wav_root / wav).is_file():
            raise CorpusError(f"{manifest}: no recording {wav} below {wav_root}; is that the right wav root?")


def _short(text: str) -> str:
    return text_digest(text)[:8]
