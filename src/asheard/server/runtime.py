"""Requests of several users to one forward pass: whoever asks while a pass is running shares the next one.

Named transcribers, loaded when first asked for, shared by all requests, and unloaded on demand.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard import DEFAULT_MODEL
from asheard.errors import AsHeardError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.pronunciation.scorer import Model
from asheard.recognition.decoding import merge_recognitions, split_for
from asheard.recognition.protocol import Recogniser, Recognition
from asheard.recognition.registry import ModelConfig, built_in_models, read_models
from asheard.server.middleware import HTTPError
from asheard.server.studies import Study, read_study, study_models

MAX_BATCH_S: Final = 60.0  # of audio in one pass: what waits longer than a pass is answered sooner in the next
GATHER_S: Final = 0.002  # how long the first of several waits for the others, where others asked a moment ago


@dataclass(frozen=True, slots=True)
class _Request:
    waveform: NDArray[np.float32]
    l1: str | None
    answer: asyncio.Future[Recognition]


class Batcher:
    """One transcriber, one thread, and the requests that wait for it.

    While a pass runs, requests gather; the next pass takes them in their order, as many as fit into `MAX_BATCH_S`. A
    request that comes when all is idle starts at once. A long recording waits anew with each of its pieces, so that
    others are heard in between. What is heard does not depend on who shares the pass
    (`Recogniser`), and a request that fails is heard apart from the others, so that it fails alone.
    """

    def __init__(self, transcriber: Recogniser, num_waiting: int) -> None:
        """Take a transcriber, and how many requests may wait."""
        self._transcriber = transcriber
        self._num_waiting = num_waiting
        self._waiting: deque[_Request] = deque()
        self._thread = ThreadPoolExecutor(1, "hearing")
        self._running: asyncio.Task[None] | None = None
        self._together = False  # whether the last pass was shared

    async def recognise(self, waveform: NDArray[np.float32], l1: str | None) -> Recognition:
        """Hear one recording.

        Args:
            waveform: (num_samples,) float32 at 16 kHz.
            l1: the speaker's first language, of use to an L1-aware model only.
        Raises:
            HTTPError: too many are waiting (503).
            ModelError: of `Recogniser.recognise`.
        """
        parts = [await self._recognise_in_turn(piece, l1) for piece in split_for(self._transcriber, waveform)]
        return parts[0] if len(parts) == 1 else await asyncio.to_thread(merge_recognitions, parts)

    async def _recognise_in_turn(self, waveform: NDArray[np.float32], l1: str | None) -> Recognition:
        if len(self._waiting) >= self._num_waiting:
            raise HTTPError(503, f"{len(self._waiting)} requests are waiting for this model; come again in a moment")
        request = _Request(waveform, l1, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await request.answer

    async def close(self) -> None:
        """Hear what is waiting, and end the thread."""
        if self._running is not None:
            await asyncio.wait([self._running])
        self._thread.shutdown()

    async def _run(self) -> None:
        while self._waiting:
            if self._together:
                await asyncio.sleep(GATHER_S)
            batch = self._next_batch()
            self._together = len(batch) > 1
            if batch:
                await self._answer(batch)

    def _next_batch(self) -> list[_Request]:
        """The next to be heard; those whose client has gone are passed over."""
        batch: list[_Request] = []
        seconds = 0.0
        while self._waiting:
            seconds += len(self._waiting[0].waveform) / SAMPLE_RATE_HZ
            if batch and seconds > MAX_BATCH_S:
                break
            request = self._waiting.popleft()
            if not request.answer.cancelled():
                batch.append(request)
        return batch

    async def _answer(self, batch: list[_Request]) -> None:
        loop = asyncio.get_running_loop()
        waveforms, l1s = [request.waveform for request in batch], [request.l1 for request in batch]
        try:
            heard = await loop.run_in_executor(self._thread, self._transcriber.recognise, waveforms, l1s)
        except Exception as error:
            if len(batch) > 1 and isinstance(error, AsHeardError):
                for request in batch:
                    await self._answer([request])
                return
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        for request, hearing in zip(batch, heard, strict=True):
            if not request.answer.done():
                request.answer.set_result(hearing)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A transcriber in memory, with what scores by it, and what shares its passes among requests."""

    model: Model
    batcher: Batcher

    @property
    def transcriber(self) -> Recogniser:
        """The transcriber itself."""
        return self.model.recogniser

    @property
    def engine(self) -> str | None:
        """What a model runs by, `onnxruntime` or `torch`; None of a recogniser, whose affair that is."""
        return self.transcriber.engine

    @property
    def gives_probabilities(self) -> bool:
        """Whether the phones of a target get probabilities."""
        return self.transcriber.gives_posteriors

    @property
    def l1s(self) -> tuple[str, ...]:
        """The first languages that an L1-aware model was trained on."""
        return self.transcriber.l1s


class ModelPool:
    """Entries by name, and those of them that are loaded."""

    def __init__(
        self, entries: Sequence[ModelConfig], studies: Sequence[Study] = (), *, num_waiting: int = 256
    ) -> None:
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
            HTTPError: no such name (404), or it cannot be loaded (503); then it stays disabled with the reason.
        """
        async with self._lock(name):
            if name in self.broken:
                raise HTTPError(503, f"model {name!r} cannot be used: {self.broken[name]}")
            if name not in self.loaded:
                try:
                    model = await asyncio.to_thread(load_scorer, self.entries[name])
                except AsHeardError as error:
                    self.broken[name] = str(error)
                    raise HTTPError(503, f"model {name!r} cannot be used: {error}") from None
                self.loaded[name] = Loaded(model, Batcher(model.recogniser, self._num_waiting))
        return self.loaded[name]

    async def unload(self, name: str) -> None:
        """Let go of a transcriber once what it is hearing has been heard; nothing where it is not loaded.

        Raises:
            HTTPError: no such name (404).
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
            raise HTTPError(404, f"no model {name!r}; there are {', '.join(self.entries)}")
        return self._locks[name]


def build_model_pool(
    registry: Path | None = None, studies: Sequence[Path] = (), *, num_waiting: int = 256
) -> ModelPool:
    """What is built in, a user's TOML file, and the models of finished studies.

    Raises:
        ModelError: the file is no registry, or a folder no finished study.
    """
    found = [read_study(folder) for folder in studies]
    entries = built_in_models() + (read_models(registry) if registry else [])
    made = [entry for study in found for entry in study_models(study)]
    return ModelPool([*entries, *made], found, num_waiting=num_waiting)


def load_scorer(entry: ModelConfig) -> Model:
    """Load an entry's transcriber, and what scores by it.

    Raises:
        AsHeardError: it cannot be loaded.
    """
    return Model.load(entry)


def default_model(registry: ModelPool) -> str:
    """The model that is used where none is named: asheard-tiny, unless a user's registry broke it."""
    return DEFAULT_MODEL if DEFAULT_MODEL not in registry.broken else next(iter(registry.entries))
