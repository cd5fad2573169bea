"""Inputs that break readers: strategies for texts, JSON values and damaged files, and the check of what a reader does.

A reader or command may give a result or an `AsHeardError` of one line that names the input. Any other exception, a call
that does not end, and memory without bound are faults. The bytes of a fault are written to tests/fuzz/cases, which is
read first by the next run.
"""

import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from asheard.errors import AsHeardError

CASES = Path(__file__).parents[1] / "fuzz" / "cases"
LIMIT_S = 20.0  # of one call; most take milliseconds
LIMIT_BYTES = 1 << 30  # that the process may grow by one call

# Pieces that change the meaning of a text, a number or a record.
PIECES = [
    "", "\0", "\n", "\r", "\t", "\v", "\f", "\x85", "\u2028", "\u00a0", "\u200b", "\ufeff", "\u202e", "\ud800",
    "'", '"', '""', ",", ";", ":", "|", "/", "\\", "..", "../x", "-", "*", "_", "!", "#", "%s", "{}", "[]", "<",
    "nan", "inf", "-inf", "1e999", "-1", "0", "1e-320", "1_0", "½", "１", "0x10", "9" * 400, "true", "null", "NaN",
    "é", "ß", "ﬁ", "İ", "ʒ", "😀", "漢", "א", "ŋ", "θ ð", "AH0", "err", "sil", "intervals [2]:", "<exists>", "utt",
]  # fmt: skip

texts = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.lists(st.sampled_from([*PIECES, "read", "the", "don't", "1984", "$5.50", "GDP"]), max_size=8).map(" ".join),
)
names = texts.filter(bool)
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 1e308, True, -0.0, 2**63]))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def examples(number: int) -> settings:
    """Settings of a fuzz test: `number` fixed examples, or in the profile `fuzz` ten times as many new ones."""
    if settings.get_current_profile_name() == "fuzz":
        return settings(max_examples=10 * number)
    return settings(max_examples=number, derandomize=True, database=None)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with a few bytes changed, removed, repeated, exchanged or added."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["cut", "remove", "repeat", "replace", "insert", "flip", "move"])):
            case "cut":
                del data[start:]
            case "remove":
                del data[start:end]
            case "repeat":
                data[start:start] = data[start:end] * draw(st.integers(1, 50))
            case "replace":
                data[start:end] = draw(st.binary(max_size=8))
            case "insert":
                data[start:start] = draw(st.sampled_from(PIECES)).encode(errors="surrogatepass")
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(0, 7))
            case "move":
                piece = data[start:end]
                del data[start:end]
                place = draw(st.integers(0, len(data)))
                data[place:place] = piece
    return bytes(data)


@st.composite
def changed_record(draw: st.DrawFn, record: Any) -> Any:
    """A JSON value with one value, at any depth, replaced, removed or renamed."""
    if isinstance(record, dict) and record and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(list(record)))
        match draw(st.integers(0, 5)):
            case 0:
                return {name: value for name, value in record.items() if name != key}
            case 1:
                return record | {draw(texts): draw(json_values)}
            case _:
                return record | {key: draw(changed_record(record[key]))}
    if isinstance(record, list) and record and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(record) - 1))
        if draw(st.integers(0, 5)) == 0:
            return [*record[:index], *record[index + 1 :]]
        return [*record[:index], draw(changed_record(record[index])), *record[index + 1 :]]
    return draw(json_values)


def json_bytes(value: Any) -> bytes:
    """A JSON value as a file: characters as they are if UTF-8 has them, escapes otherwise."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def check(name: str, data: bytes, call: Callable[[], object], *mentions: str) -> None:
    """Call a reader; it must give a result, or an `AsHeardError` of one short line with all of `mentions`.

    Args:
        name: folder of the input under tests/fuzz/cases, if this is a fault.
        data: the input.
        call: reads it.
        mentions: texts that the message must hold, such as the name of the file.
    """
    with fault_becomes_case(name, data), bounded():
        try:
            call()
        except AsHeardError as error:
            message = str(error)
            assert all(mention in message for mention in mentions), f"{message!r} does not name {mentions}"
            assert "Traceback" not in message, message
            message.encode()  # a terminal can show it


@contextmanager
def fault_becomes_case(name: str, data: bytes) -> Iterator[None]:
    """Write the input of a fault where the next run reads it first. The last one written is the smallest."""
    try:
        yield
    except Exception as error:
        if settings.get_current_profile_name() == "fuzz":
            path = CASES / name / f"{type(error).__name__}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        raise


@contextmanager
def bounded() -> Iterator[None]:
    """Fail if the block takes more than `LIMIT_S`, or the process grows by more than `LIMIT_BYTES`."""

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        raise RuntimeError(f"not finished after {LIMIT_S:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not stopped, f"not finished after {LIMIT_S:g} s"
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size)
    assert grown < LIMIT_BYTES, f"the process grew by {grown:,} bytes"


def cases(name: str) -> list[Path]:
    """The inputs under tests/fuzz/cases that were faults."""
    return sorted((CASES / name).glob("*"))
