"""Requests of several users to one forward pass: whoever asks while a pass is running shares the next one."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.corpora.audio import SAMPLE_RATE_HZ
from asheard.errors import AsHeardError
from asheard.hearing import Hearing, hear, joined, pieces
from asheard.server.refusal import RefusedError
from asheard.transcript import Transcriber

MAX_BATCH_S: Final = 60.0  # of audio in one pass: what waits longer than a pass is answered sooner in the next
GATHER_S: Final = 0.002  # how long the first of several waits for the others, where others asked a moment ago


@dataclass(frozen=True, slots=True)
class _Request:
    waveform: NDArray[np.float32]
    l1: str | None
    answer: asyncio.Future[Hearing]


class Batcher:
    """One transcriber, one thread, and the requests that wait for it.

    While a pass runs, requests gather; the next pass takes them in their order, as many as fit into `MAX_BATCH_S`. A
    request that comes when all is idle starts at once. A long recording waits anew with each of its pieces, so that
    others are heard in between. What is heard does not depend on who shares the pass
    (`Transcriber`), and a request that fails is heard apart from the others, so that it fails alone.
    """

    def __init__(self, transcriber: Transcriber, num_waiting: int) -> None:
        """Take a transcriber, and how many requests may wait."""
        self._transcriber = transcriber
        self._num_waiting = num_waiting
        self._waiting: deque[_Request] = deque()
        self._thread = ThreadPoolExecutor(1, "hearing")
        self._running: asyncio.Task[None] | None = None
        self._together = False  # whether the last pass was shared

    async def hear(self, waveform: NDArray[np.float32], l1: str | None) -> Hearing:
        """Hear one recording.

        Args:
            waveform: (num_samples,) float32 at 16 kHz.
            l1: the speaker's first language, of use to an L1-aware model only.
        Raises:
            RefusedError: too many are waiting (503).
            ModelError: of `Transcriber.transcribe`.
        """
        parts = [await self._hear_in_turn(piece, l1) for piece in pieces(self._transcriber, waveform)]
        return parts[0] if len(parts) == 1 else await asyncio.to_thread(joined, self._transcriber, parts)

    async def _hear_in_turn(self, waveform: NDArray[np.float32], l1: str | None) -> Hearing:
        if len(self._waiting) >= self._num_waiting:
            raise RefusedError(503, f"{len(self._waiting)} requests are waiting for this model; come again in a moment")
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
            heard = await loop.run_in_executor(self._thread, hear, self._transcriber, waveforms, l1s)
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
