"""Named transcribers, loaded when first asked for, shared by all requests, and unloaded on demand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asheard import DEFAULT_MODEL
from asheard.errors import AsHeardError
from asheard.goodness import GopScorer
from asheard.hearing import gives_posteriors
from asheard.models.calibration import load_calibration
from asheard.prior import load_prior, real_voices_prior
from asheard.score import Scorer, own_calibration
from asheard.server.batching import Batcher
from asheard.server.entries import Entry, built_in_entries, read_entries
from asheard.server.refusal import RefusedError
from asheard.server.studies import Study, read_study, study_entries
from asheard.transcribers import load_by_name
from asheard.transcript import Transcriber

EMBEDDED: Final = "embedded-base"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A transcriber in memory, with what scores by it, and what shares its passes among requests."""

    scorer: Scorer
    batcher: Batcher

    @property
    def transcriber(self) -> Transcriber:
        """The transcriber itself."""
        return self.scorer.transcriber

    @property
    def engine(self) -> str | None:
        """What a model runs by, `onnxruntime` or `torch`; None of a recogniser, whose affair that is."""
        if not hasattr(self.transcriber, "graph"):
            return None
        return "torch" if self.transcriber.graph is None else "onnxruntime"

    @property
    def gives_probabilities(self) -> bool:
        """Whether the phones of a target get probabilities."""
        return gives_posteriors(self.transcriber)

    @property
    def l1s(self) -> tuple[str, ...]:
        """The first languages that an L1-aware model was trained on."""
        return tuple(getattr(self.transcriber, "l1s", ()))


class Registry:
    """Entries by name, and those of them that are loaded."""

    def __init__(self, entries: Sequence[Entry], studies: Sequence[Study] = (), *, num_waiting: int = 256) -> None:
        """Take entries; of two with one name the later one counts, so that users can replace what is built in."""
        self.entries = {entry.name: entry for entry in entries}
        self.studies = {study.name: study for study in studies}
        self.broken = {name: entry.broken for name, entry in self.entries.items() if entry.broken}
        self.loaded: dict[str, Loaded] = {}
        self._num_waiting = num_waiting
        self._locks = {name: asyncio.Lock() for name in self.entries}

    async def get(self, name: str) -> Loaded:
        """The transcriber of a name, loaded if need be: once, however many ask.

        Raises:
            RefusedError: no such name (404), or it cannot be loaded (503); then it stays disabled with the reason.
        """
        async with self._lock(name):
            if name in self.broken:
                raise RefusedError(503, f"model {name!r} cannot be used: {self.broken[name]}")
            if name not in self.loaded:
                try:
                    scorer = await asyncio.to_thread(load_entry, self.entries[name])
                except AsHeardError as error:
                    self.broken[name] = str(error)
                    raise RefusedError(503, f"model {name!r} cannot be used: {error}") from None
                self.loaded[name] = Loaded(scorer, Batcher(scorer.transcriber, self._num_waiting))
        return self.loaded[name]

    async def unload(self, name: str) -> None:
        """Let go of a transcriber once what it is hearing has been heard; nothing where it is not loaded.

        Raises:
            RefusedError: no such name (404).
        """
        async with self._lock(name):
            if loaded := self.loaded.pop(name, None):
                await loaded.batcher.close()

    async def close(self) -> None:
        """Unload everything."""
        for name in list(self.loaded):
            await self.unload(name)

    def _lock(self, name: str) -> asyncio.Lock:
        """What is held while a model is loaded or let go of."""
        if name not in self._locks:
            raise RefusedError(404, f"no model {name!r}; there are {', '.join(self.entries)}")
        return self._locks[name]


def build_registry(registry: Path | None = None, studies: Sequence[Path] = (), *, num_waiting: int = 256) -> Registry:
    """What is built in, a user's TOML file, and the models of finished studies.

    Raises:
        ModelError: the file is no registry, or a folder no finished study.
    """
    found = [read_study(folder) for folder in studies]
    entries = built_in_entries() + (read_entries(registry) if registry else [])
    made = [entry for study in found for entry in study_entries(study)]
    return Registry([*entries, *made], found, num_waiting=num_waiting)


def load_entry(entry: Entry) -> Scorer:
    """Load an entry's transcriber, and what scores by it.

    Raises:
        AsHeardError: it cannot be loaded.
    """
    transcriber, _ = load_by_name(source_of(entry))
    if hasattr(transcriber, "log_probs"):
        from asheard.models.onnx_graph import prefer_faster

        prefer_faster(transcriber)
    calibration = None
    if gives_posteriors(transcriber):
        calibration = entry.calibration or own_calibration(entry.model)
    gop = GopScorer(load_calibration(calibration) if calibration else None)
    l1_prior = None
    if entry.l1_excuses:
        l1_prior = load_prior(entry.prior) if entry.prior else real_voices_prior()
    return Scorer(transcriber, entry.name, gop, l1_prior, calibrated=calibration is not None)


def source_of(entry: Entry) -> str | Path:
    """What `load_by_name` takes for an entry."""
    from asheard.models import EMBEDDED_BASE

    return EMBEDDED_BASE if entry.model == EMBEDDED else entry.model


def default_model(registry: Registry) -> str:
    """The model that is used where none is named: asheard-tiny, unless a user's registry broke it."""
    return DEFAULT_MODEL if DEFAULT_MODEL not in registry.broken else next(iter(registry.entries))
