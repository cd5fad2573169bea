"""Requests of several users in one pass: who shares it, who fails, and what is heard."""

import asyncio

import numpy as np
import pytest

from asheard.errors import ModelError
from asheard.recognition.protocol import Recognition, Transcript
from asheard.server import runtime as batching
from asheard.server.middleware import HTTPError
from asheard.server.runtime import Batcher


class Counting:
    """Writes as many s as the recording has seconds, and notes who shared a pass."""

    kind = version = "counting"
    gives_posteriors = False

    def __init__(self, refused_s=None):
        self.passes, self.refused_s = [], refused_s

    def recognise(self, waveforms, l1s):
        self.passes.append([len(waveform) // 16_000 for waveform in waveforms])
        if self.refused_s in self.passes[-1]:
            raise ModelError("no")
        return [Recognition(Transcript(("s",) * seconds, None, None)) for seconds in self.passes[-1]]


def of(seconds):
    return np.ones(seconds * 16_000, np.float32)


def hear(transcriber, seconds, num_waiting=100):
    """What each of several simultaneous requests gets: the number of phones, or the error."""

    async def ask():
        batcher = Batcher(transcriber, num_waiting)
        found = await asyncio.gather(*(batcher.recognise(of(one), None) for one in seconds), return_exceptions=True)
        await batcher.close()
        return found

    return [one if isinstance(one, Exception) else len(one.transcript.phones) for one in asyncio.run(ask())]


def test_requests_that_wait_together_share_a_pass_and_each_gets_its_own():
    transcriber = Counting()
    assert hear(transcriber, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert transcriber.passes == [[1, 2, 3, 4]]


def test_a_pass_has_an_end():
    transcriber = Counting()
    assert hear(transcriber, [40, 30, 20, 70, 5]) == [40, 30, 20, 70, 5]
    assert transcriber.passes == [[40], [30, 20], [70], [5]]
    assert batching.MAX_BATCH_S == 60


def test_one_that_fails_fails_alone():
    found = hear(Counting(refused_s=2), [1, 2, 3])
    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], ModelError)


def test_too_many_are_told_to_come_again():
    found = hear(Counting(), [1] * 5, num_waiting=3)
    assert found[:3] == [1] * 3
    assert all(isinstance(error, HTTPError) and error.status == 503 for error in found[3:])


def test_whose_client_has_gone_is_passed_over():
    transcriber = Counting()

    async def ask():
        batcher = Batcher(transcriber, 10)
        gone, stays = (asyncio.create_task(batcher.recognise(of(seconds), None)) for seconds in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        heard = await stays
        await batcher.close()
        return heard

    assert len(asyncio.run(ask()).transcript.phones) == 2
    assert transcriber.passes == [[2]]


def test_other_failures_are_told_to_all_and_the_next_request_is_heard():
    transcriber = Counting()
    real = transcriber.recognise

    async def ask():
        batcher = Batcher(transcriber, 10)
        transcriber.recognise = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            await batcher.recognise(of(1), None)
        transcriber.recognise = real
        heard = await batcher.recognise(of(2), None)
        await batcher.close()
        return heard

    assert len(asyncio.run(ask()).transcript.phones) == 2
