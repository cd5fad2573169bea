"""Recordings are read once before a run begins, so that a damaged one is found before anything is paid for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import gather_object
from rich.console import Console
from rich.progress import track

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.training.batches import LoadWav


def readable(
    manifest: Path, rows: Sequence[Utterance], load: LoadWav, accelerator: Accelerator, *, skip_bad: bool
) -> tuple[list[Utterance], Exclusions]:
    """Read every recording of a manifest, each process its share.

    Args:
        manifest: the file that the rows are from.
        rows: those without a recording are passed on.
        load: reads a recording.
        accelerator: of the run.
        skip_bad: leave out what cannot be read.
    Returns:
        The rows that can be read, in order, and the exclusions: those that cannot, each with what is wrong.
    Raises:
        CorpusError: a recording cannot be read and `skip_bad` is not set; naming the first, and how many there are.
    """
    mine = range(accelerator.process_index, len(rows), accelerator.num_processes)

    def fault(number: int) -> tuple[int, str] | None:
        wav = rows[number].wav
        if wav is not None:
            try:
                load(wav)
            except (CorpusError, OSError) as error:
                return number, str(error)
        return None

    with ThreadPoolExecutor() as pool:
        found = track(
            pool.map(fault, mine),
            f"reading {manifest.name}",
            total=len(mine),
            console=Console(stderr=True),
            transient=True,
            disable=not accelerator.is_main_process,
        )
        faults = dict(gather_object([one for one in found if one]))
    if faults and not skip_bad:
        first = min(faults)
        raise CorpusError(
            f"{manifest}, row {first + 1} ({rows[first].speaker}/{rows[first].utt}): {faults[first]} "
            f"({len(faults)} of {len(rows)} recordings cannot be read; --skip-bad leaves them out)"
        )
    exclusions = Exclusions()
    for number in sorted(faults):
        exclusions.add("recording cannot be read", f"{rows[number].speaker}/{rows[number].utt}: {faults[number]}")
    return [row for number, row in enumerate(rows) if number not in faults], exclusions
