"""Loaded models and their request queues: each model is loaded once, shared by all requests, unloaded on demand."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from asheard import DEFAULT_MODEL
from asheard.errors import AsHeardError, ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.pronunciation.scorer import Model
from asheard.recognition.decoding import merge_recognitions, split_for
from asheard.recognition.protocol import Recogniser, Recognition
from asheard.recognition.registry import ModelConfig, built_in_models, read_models
from asheard.server.middleware import HTTPError
from asheard.server.studies import Study, read_study, study_models

MAX_BATCH_S: Final = 60.0  # seconds of audio in one shared forward pass; further requests wait for the next
GATHER_S: Final = 0.002  # wait for further requests before a pass, if the last pass was shared
P = ParamSpec("P")
T = TypeVar("T")
ONNX_RUNTIME: Final = "onnxruntime"  # engine of models that recognise one recording a core


@dataclass(frozen=True, slots=True)
class _Request:
    waveform: NDArray[np.float32]
    l1: str | None
    answer: asyncio.Future[Recognition]


class RequestQueue:
    """The requests that wait for one recogniser, answered in the order in which they came.

    A recording of several chunks waits again with each chunk, so that other requests are answered between them. A
    result does not depend on the other requests. If a shared pass fails, its requests are repeated one by one, so that
    only the request at fault fails.
    """

    def __init__(
        self, recogniser: Recogniser, executor: Executor, *, num_parallel: int, max_batch_s: float, num_waiting: int
    ) -> None:
        """Serve a recogniser.

        Args:
            recogniser: is called in threads of `executor`.
            executor: may be shared with other queues.
            num_parallel: calls at the same time.
            max_batch_s: seconds of audio that a call may take together; 0 means one recording a call.
            num_waiting: requests that may wait; further ones are refused.
        """
        self._recogniser, self._executor = recogniser, executor
        self._num_parallel, self._max_batch_s, self._num_waiting = num_parallel, max_batch_s, num_waiting
        self._waiting: deque[_Request] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._shared = False  # whether the last call took several requests

    async def recognise(self, waveform: NDArray[np.float32], l1: str | None) -> Recognition:
        """Recognise one recording.

        Args:
            waveform: (num_samples,) float32 at 16 kHz.
            l1: the speaker's first language, for an L1-aware model.
        Raises:
            HTTPError: too many requests are waiting (503).
            ModelError: the recogniser fails.
        """
        parts = [await self._recognise_chunk(chunk, l1) for chunk in split_for(self._recogniser, waveform)]
        return parts[0] if len(parts) == 1 else await asyncio.to_thread(merge_recognitions, parts)

    async def drain(self) -> None:
        """Wait until all requests are answered."""
        while self._workers:
            await asyncio.wait(self._workers)

    async def _recognise_chunk(self, chunk: NDArray[np.float32], l1: str | None) -> Recognition:
        if len(self._waiting) >= self._num_waiting:
            raise HTTPError(
                503, f"{len(self._waiting)} requests are waiting for this model, the most it takes; try again later"
            )
        request = _Request(chunk, l1, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if len(self._workers) < self._num_parallel:
            self._workers.add(asyncio.create_task(self._work()))
        return await request.answer

    async def _work(self) -> None:
        """Answer requests until none is waiting."""
        try:
            while self._waiting:
                if self._shared:
                    await asyncio.sleep(GATHER_S)
                if batch := self._next_batch():
                    self._shared = len(batch) > 1
                    await self._answer(batch)
        finally:  # before any request that this worker answered can send another one
            self._workers.discard(cast(asyncio.Task[None], asyncio.current_task()))

    def _next_batch(self) -> list[_Request]:
        """Take the next requests that fit into one call; skip those whose client is gone."""
        batch: list[_Request] = []
        seconds = 0.0
        while self._waiting:
            seconds += len(self._waiting[0].waveform) / SAMPLE_RATE_HZ
            if batch and seconds > self._max_batch_s:
                break
            request = self._waiting.popleft()
            if not request.answer.cancelled():
                batch.append(request)
        return batch

    async def _answer(self, batch: list[_Request]) -> None:
        loop = asyncio.get_running_loop()
        waveforms, l1s = [request.waveform for request in batch], [request.l1 for request in batch]
        try:
            results = await loop.run_in_executor(self._executor, self._recogniser.recognise, waveforms, l1s)
        except Exception as error:
            if len(batch) > 1 and isinstance(error, AsHeardError):
                for request in batch:
                    await self._answer([request])
                return
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        for request, recognition in zip(batch, results, strict=True):
            if not request.answer.done():
                request.answer.set_result(recognition)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory and its queue."""

    model: Model
    queue: RequestQueue


class ModelPool:
    """The models that the service offers, and those of them that are in memory."""

    def __init__(
        self,
        configs: Sequence[ModelConfig],
        studies: Sequence[Study] = (),
        *,
        num_waiting: int = 256,
        threads: int | None = None,
    ) -> None:
        """Offer models.

        Args:
            configs: of two with one name the later one counts, so that users can replace what is built in.
            studies: finished studies to show.
            num_waiting: requests that may wait for one model.
            threads: recordings that are recognised at the same time, a core each; None means all cores.
        """
        self.configs = {config.name: config for config in configs}
        self.studies = {study.name: study for study in studies}
        self.broken = {name: config.broken for name, config in self.configs.items() if config.broken}
        self.loaded: dict[str, LoadedModel] = {}
        self._num_waiting = num_waiting
        self._threads = threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(self._threads, "recognition")
        self._locks = {name: asyncio.Lock() for name in self.configs}

    @property
    def default(self) -> str:
        """The model for requests that name none: asheard-tiny, unless a user's registry broke it."""
        return DEFAULT_MODEL if DEFAULT_MODEL not in self.broken else next(iter(self.configs))

    async def get(self, name: str) -> LoadedModel:
        """Return a model, and load it first if it is not in memory. It is loaded once, however many requests wait.

        Raises:
            HTTPError: no such model (404), or it cannot be loaded (503) and stays disabled.
        """
        async with self._lock(name):
            if name in self.broken:
                raise HTTPError(503, f"model {name!r} cannot be used: {self.broken[name]}")
            if name not in self.loaded:
                try:
                    model = await asyncio.to_thread(Model.load, self.configs[name], threads=self._threads)
                except AsHeardError as error:
                    self.broken[name] = str(error)
                    raise HTTPError(503, f"model {name!r} cannot be used: {error}") from None
                self.loaded[name] = LoadedModel(model, self.queue_for(model.recogniser))
        return self.loaded[name]

    async def compute(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Call a function in one of the threads that recognise, so that their number limits memory too."""
        call = partial(function, *arguments, **keywords)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def unload(self, name: str) -> None:
        """Take a model out of memory once its waiting requests are answered. Nothing happens if it is not loaded.

        Raises:
            HTTPError: no such model (404).
        """
        async with self._lock(name):
            if loaded := self.loaded.pop(name, None):
                await loaded.queue.drain()

    async def close(self) -> None:
        """Unload all models."""
        for name in list(self.loaded):
            await self.unload(name)

    def _lock(self, name: str) -> asyncio.Lock:
        """The lock that is held while a model is loaded or unloaded."""
        if name not in self._locks:
            raise HTTPError(404, f"no model {name!r}; there are {', '.join(self.configs)}")
        return self._locks[name]

    def queue_for(self, recogniser: Recogniser) -> RequestQueue:
        """Make the queue of a recogniser.

        A model of ONNX Runtime is called from several threads, one recording in each call. Any other recogniser is
        called from one thread of its own: torch shares forward passes among requests, and the decoders of external
        recognisers must not run in two threads at once.
        """
        if recogniser.engine == ONNX_RUNTIME:
            executor, num_parallel, max_batch_s = self._executor, self._threads, 0.0
        else:
            executor, num_parallel, max_batch_s = ThreadPoolExecutor(1, "recognition"), 1, MAX_BATCH_S
        return RequestQueue(
            recogniser, executor, num_parallel=num_parallel, max_batch_s=max_batch_s, num_waiting=self._num_waiting
        )


def build_model_pool(
    registry: Path | None = None,
    studies: Sequence[Path] = (),
    *,
    num_waiting: int = 256,
    threads: int | None = None,
) -> ModelPool:
    """Offer the built-in models, those of a user's TOML file, and those of finished studies.

    Raises:
        ModelError: the file is not a registry, a folder is not a finished study, or two studies have one name.
    """
    found = [read_study(folder) for folder in studies]
    if len({study.name for study in found}) < len(found):
        raise ModelError(f"two studies have one name: {', '.join(study.name for study in found)}; rename a folder")
    configs = built_in_models() + (read_models(registry) if registry else [])
    configs += [config for study in found for config in study_models(study)]
    return ModelPool(configs, found, num_waiting=num_waiting, threads=threads)
