"""Request queues: which requests share a call, which fail, and how many run in parallel."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from asheard.errors import ModelError
from asheard.recognition.protocol import Recognition, Transcript
from asheard.server.middleware import HTTPError
from asheard.server.runtime import MAX_BATCH_S, ModelPool, RequestQueue


class CountingRecogniser:
    """Writes one s for each second of a recording, and keeps the lengths of the recordings of each call."""

    kind = version = "counting"
    engine: str | None = "torch"
    l1s = ()
    gives_posteriors = False
    frame_s = None

    def __init__(self, failing_s=None):
        self.calls, self.failing_s = [], failing_s

    def recognise(self, waveforms, l1s):
        self.calls.append([len(waveform) // 16_000 for waveform in waveforms])
        if self.failing_s in self.calls[-1]:
            raise ModelError("no")
        return [Recognition(Transcript(("s",) * seconds, None, None)) for seconds in self.calls[-1]]


class MeetingRecogniser(CountingRecogniser):
    """Ends a call only when another one runs at the same time."""

    engine = "onnxruntime"

    def __init__(self):
        super().__init__()
        self.barrier = threading.Barrier(2, timeout=30)

    def recognise(self, waveforms, l1s):
        self.barrier.wait()
        return super().recognise(waveforms, l1s)


def waveform(seconds):
    return np.ones(seconds * 16_000, np.float32)


def shared_queue(recogniser, num_waiting=100):
    """A queue as torch models have it."""
    executor = ThreadPoolExecutor(1)
    return RequestQueue(recogniser, executor, num_parallel=1, max_batch_s=MAX_BATCH_S, num_waiting=num_waiting)


def recognise_all(queue, seconds):
    """Send requests at the same time; return of each the number of phones, or the error."""

    async def send():
        found = await asyncio.gather(*(queue.recognise(waveform(one), None) for one in seconds), return_exceptions=True)
        await queue.drain()
        return found

    return [one if isinstance(one, Exception) else len(one.transcript.phones) for one in asyncio.run(send())]


def test_queue_shares_calls_among_waiting_requests():
    recogniser = CountingRecogniser()
    assert recognise_all(shared_queue(recogniser), [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert recogniser.calls == [[1, 2, 3, 4]]


def test_queue_limits_the_audio_of_a_call():
    recogniser = CountingRecogniser()
    assert recognise_all(shared_queue(recogniser), [40, 30, 20, 70, 5]) == [40, 30, 20, 70, 5]
    assert recogniser.calls == [[40], [30, 20], [70], [5]]


def test_queue_failing_request_fails_alone():
    found = recognise_all(shared_queue(CountingRecogniser(failing_s=2)), [1, 2, 3])
    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], ModelError)


def test_queue_refuses_when_full():
    found = recognise_all(shared_queue(CountingRecogniser(), num_waiting=3), [1] * 5)
    assert found[:3] == [1] * 3
    assert all(isinstance(error, HTTPError) and error.status == 503 for error in found[3:])


def test_queue_skips_cancelled_requests():
    recogniser = CountingRecogniser()

    async def send():
        queue = shared_queue(recogniser)
        gone, stays = (asyncio.create_task(queue.recognise(waveform(seconds), None)) for seconds in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert len(asyncio.run(send()).transcript.phones) == 2
    assert recogniser.calls == [[2]]


def test_queue_works_on_after_an_unexpected_error():
    recogniser = CountingRecogniser()
    real = recogniser.recognise

    async def send():
        queue = shared_queue(recogniser)
        recogniser.recognise = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            await queue.recognise(waveform(1), None)
        recogniser.recognise = real
        return await queue.recognise(waveform(2), None)

    assert len(asyncio.run(send()).transcript.phones) == 2


def test_pool_queue_of_onnx_runtime_runs_in_parallel_one_recording_a_call():
    """Each call waits for another one to run, so one at a time would end in an error."""
    recogniser = MeetingRecogniser()
    queue = ModelPool([], threads=2).queue_for(recogniser)
    assert recognise_all(queue, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert sorted(recogniser.calls) == [[1], [2], [3], [4]]


@pytest.mark.parametrize("engine", ["torch", None])
def test_pool_queue_of_other_recognisers_shares_calls(engine):
    recogniser = CountingRecogniser()
    recogniser.engine = engine
    assert recognise_all(ModelPool([], threads=2).queue_for(recogniser), [1, 2, 3]) == [1, 2, 3]
    assert recogniser.calls == [[1, 2, 3]]


def test_queue_recognises_chunks_of_a_long_recording_between_other_requests():
    """Of a recogniser with posteriors; a short request overtakes the second chunk."""
    order = []

    class Chunked(CountingRecogniser):
        gives_posteriors = True

        def recognise(self, waveforms, l1s):
            order.extend(len(one) // 16_000 for one in waveforms)
            return [Recognition(Transcript(("s",), None, None)) for _ in waveforms]

    async def send():
        queue = RequestQueue(Chunked(), ThreadPoolExecutor(1), num_parallel=1, max_batch_s=0, num_waiting=9)
        long = asyncio.create_task(queue.recognise(waveform(56), None))
        await asyncio.sleep(0)
        await queue.recognise(waveform(2), None)
        long.cancel()

    asyncio.run(send())
    assert order[:2] == [30, 2]
