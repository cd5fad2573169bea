"""Run a recogniser over many recordings in shards, here or on other machines. A killed call resumes."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from asheard.io.progress import ProgressBar
from asheard.io.resume import ResumableRows
from asheard.recognition.protocol import Recogniser

SHARD_SIZE: Final = 32  # recordings that are read, recognised and written together


class Job(Protocol):
    """What is made of recordings, in this process or, pickled, in another one."""

    @property
    def model(self) -> str | Path:
        """As `load_recogniser` takes it."""

    @property
    def version(self) -> str:
        """That of the loaded recogniser."""

    @property
    def chain(self) -> str:
        """Name of the predictions."""

    def rows(self, recogniser: Recogniser, recordings: Sequence[Any], /) -> list[dict[str, Any]]:
        """Read some recordings and run the loaded recogniser. Return a row for each, in order."""


MapShards = Callable[[Job, Sequence[Sequence[Any]]], Iterable[list[dict[str, Any]]]]  # `rows` of each shard, elsewhere


def run_job(
    job: Job, recogniser: Recogniser, recordings: Sequence[Any], rows: ResumableRows, map_shards: MapShards | None
) -> None:
    """Append the rows of all recordings that have none yet.

    Args:
        job: makes the rows.
        recogniser: loaded here.
        recordings: of all rows, in order.
        rows: the rows so far.
        map_shards: does the work on other machines; None does it here.
    """
    shards = [recordings[start : start + SHARD_SIZE] for start in range(rows.num_resumed, len(recordings), SHARD_SIZE)]
    done = map_shards(job, shards) if map_shards else map(partial(job.rows, recogniser), shards)
    with ProgressBar(job.chain, len(recordings), completed=rows.num_resumed) as bar:
        for shard in done:
            rows.append(shard)
            bar.advance(len(shard))
