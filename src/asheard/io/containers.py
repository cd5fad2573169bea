"""Recognise the format of a recording by its bytes, and find out whether it is cut short, before anything is decoded.

Decoders read a file that is cut short as a shorter recording. So each format is checked by its own structure: the chunk
of sound, the page, block or frame that ends early. A program that writes to a pipe does not know the size, and what it
writes instead announces nothing.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from mmap import mmap
from typing import Final

Buffer = bytes | mmap

# sox announces 0x7FFFF000 bytes to a pipe, FFmpeg 0xFFFFFFFF, others either with the header subtracted, or 0.
_STREAMED: Final = 0x7FFF_0000

_W64_TAIL: Final = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64_RIFF: Final = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA: Final = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_EBML: Final = b"\x1a\x45\xdf\xa3"
_MATROSKA_MASTERS: Final = (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75")  # Segment, Cluster
_MP4_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp")
_AMR_BYTES: Final = {  # of a frame, by its type: 3GPP TS 26.101 and 26.201, plus the byte of the header
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1),
}
# kbit/s of MPEG audio (ISO 11172-3, 13818-3), by (MPEG-1, layer)
_MPEG_RATES_HZ: Final = (44_100, 48_000, 32_000)
_MPEG_KBITS: Final = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}

_LONGEST_DAMAGE: Final = 65_536  # bytes of an MP3 that are searched for the next frame
_NUM_SURE: Final = 3  # frames in a row that are no accident


@dataclass(frozen=True, slots=True)
class Container:
    """What the bytes of a recording say.

    Attributes:
        name: of the format, for messages.
        demuxer: of FFmpeg.
        sndfile: libsndfile reads the format (though not every codec in it).
        missing: what is missing of a recording that is cut short; None if it is whole.
        patch: (offset, bytes) of a size in the header that libsndfile must be told; None if it reads the file as it is.
        links: (start, end) of the streams of a chained Ogg file; of any other file the whole.
    """

    name: str
    demuxer: str
    sndfile: bool
    missing: str | None = None
    patch: tuple[int, bytes] | None = None
    links: tuple[tuple[int, int], ...] = ()


def find_container(data: Buffer) -> Container | None:
    """Recognise a recording; None if the bytes are no recording of a known format."""
    start = _after_id3(data)
    head = data[start : start + 16]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] in (b"WAVE", b""):
        return _wave(data, head)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        size = _sound_chunk(data, b"SSND", 12, ">4sI", pad=2)
        return Container("AIFF", "aiff", True, _missing_of(data, size))
    if head == _W64_RIFF:
        size = _sound_chunk(data, b"data" + _W64_TAIL, 40, "<16sQ", pad=8, with_header=True)
        return Container("W64", "w64", True, _missing_of(data, size))
    if head[:4] == b"caff":
        size = _sound_chunk(data, b"data", 8, ">4sQ")
        return Container("CAF", "caf", True, _missing_of(data, size))
    if head[:4] in (b".snd", b"dns."):
        order = ">" if head[:4] == b".snd" else "<"
        return Container("AU", "au", True, _missing_of(data, _unpack(f"{order}4x2I", data, 0)))
    if head[:7] == b"NIST_1A":
        return Container("NIST SPHERE", "nistsphere", True)
    if head[:4] == b"fLaC":
        return Container("FLAC", "flac", True)  # libsndfile counts the samples and finds a cut frame
    if head[:4] == b"OggS":
        return _ogg(data)
    for magic, sizes in _AMR_BYTES.items():
        if head.startswith(magic):
            frames = _frames(data, len(magic), lambda at: sizes[data[at] >> 3 & 15])  # noqa: B023
            return Container("AMR", "amr", False, _cut_frame(data, frames))
    if head[4:8] in _MP4_BOXES:
        return Container("M4A", "mov", False, _missing_of_mp4(data))
    if head[:4] == _EBML:
        return Container("WebM", "matroska", False, _missing_of_matroska(data))
    if head == _ASF:
        size = _sound_chunk(data, _ASF_DATA, 0, "<16sQ", with_header=True)
        return Container("WMA", "asf", False, _missing_of(data, size))
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        frames = _frames(data, start, lambda at: _adts_bytes(data, at))
        return Container("AAC", "aac", False, _cut_frame(data, frames))
    if start or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return Container("MP3", "mp3", True, _missing_of_mp3(data, start))
    return None


def _unpack(format: str, data: Buffer, at: int) -> tuple[int, int] | None:
    """Unpack two values; None if the file ends before."""
    if at + struct.calcsize(format) > len(data):
        return None
    first, second = struct.unpack_from(format, data, at)
    return first, second


def _missing_of(data: Buffer, sound: tuple[int, int] | None) -> str | None:
    """Compare the place and the announced size of the sound with the file."""
    if sound is None or sound[0] > len(data):
        return f"it ends before its sound, after {len(data):,} bytes"
    start, size = sound
    there = len(data) - start
    if size <= there or _STREAMED <= size < 2**32 or size >= 2**62:
        return None
    return f"{there:,} of {size:,} bytes of sound are there"


def _chunks(
    data: Buffer, start: int, header: str, *, pad: int = 1, with_header: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, place, size) of the contents of each chunk.

    Args:
        start: of the first chunk.
        header: of a chunk, for struct: name and size.
        pad: chunks start at multiples of this.
        with_header: whether sizes include the header.
    """
    num_bytes = struct.calcsize(header)
    while start + num_bytes <= len(data):
        name, size = struct.unpack_from(header, data, start)
        size -= num_bytes if with_header else 0
        yield name, start + num_bytes, max(0, size)
        start += num_bytes + max(0, size)
        start += -start % pad


def _sound_chunk(
    data: Buffer, wanted: bytes, start: int, header: str, *, pad: int = 1, with_header: bool = False
) -> tuple[int, int] | None:
    chunks = _chunks(data, start, header, pad=pad, with_header=with_header)
    return next(((place, size) for name, place, size in chunks if name == wanted), None)


def _wave(data: Buffer, head: bytes) -> Container:
    order = ">" if head[:4] == b"RIFX" else "<"
    sound = _sound_chunk(data, b"data", 12, f"{order}4sI", pad=2)
    sizes = _sound_chunk(data, b"ds64", 12, "<4sI", pad=2)
    patch = None
    if sound is not None:
        place, size = sound
        there = len(data) - place
        if sizes is not None and size == 2**32 - 1 and len(data) >= sizes[0] + 16:
            (size,) = struct.unpack_from("<Q", data, sizes[0] + 8)
            if size == 0 and there:
                patch = (sizes[0] + 8, struct.pack("<Q", there))
        elif size == 0 and there and not _are_chunks(data, place, order):
            patch = (place - 4, b"\xff" * 4)
        sound = place, size
    return Container("WAV", "wav", True, _missing_of(data, sound), patch)


def _are_chunks(data: Buffer, start: int, order: str) -> bool:
    """Tell whether further chunks follow and end with the file, so that a size of 0 before them is true."""
    chunks = list(_chunks(data, start, f"{order}4sI", pad=2))
    return bool(chunks) and all(name.isalnum() for name, _, _ in chunks) and sum(chunks[-1][1:]) == len(data)


def _ogg(data: Buffer) -> Container:
    """Walk over the pages (RFC 3533)."""
    starts: list[int] = []  # of links: pages that begin a stream come together at the start of each
    opened: set[bytes] = set()
    beginning, at, missing = False, 0, None
    while (at := data.find(b"OggS", at)) >= 0:
        body = at + 27 + data[at + 26] if at + 27 <= len(data) else len(data) + 1
        end = body + sum(data[at + 27 : body])
        if body > len(data) or end > len(data):
            missing = f"its last page ends early, after {len(data) - at:,} bytes"
            break
        kind, serial = data[at + 5], data[at + 14 : at + 18]
        if kind & 2 and not beginning:
            starts.append(at)
            opened.clear()
        beginning = bool(kind & 2)
        opened.add(serial)
        if kind & 4:
            opened.discard(serial)
        at = end
    else:
        if opened or not starts:
            missing = f"its last page is missing; {len(data):,} bytes are there"
    links = tuple(pairwise([*starts, len(data)]))
    codec = data[28 : 28 + 7]
    known = codec[1:7] == b"vorbis" or codec == b"OpusHea" or codec[1:5] == b"FLAC"
    return Container("Ogg", "ogg", known, missing, links=links if known else ())


def _missing_of_mp4(data: Buffer) -> str | None:
    """Walk over the boxes (ISO 14496-12)."""
    at, index = 0, False
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        elif size == 0:
            size = len(data) - at
        if size < 8 or not name.isascii():
            break
        if at + size > len(data):
            if name in (b"mdat", b"moov", b"moof"):
                return f"{len(data) - at:,} of {size:,} bytes of the box {name.decode()} are there"
            break
        index |= name == b"moov"
        at += size
    return None if index else f"its index (the box moov) is missing; {len(data):,} bytes are there"


def _missing_of_matroska(data: Buffer) -> str | None:
    """Walk over the elements (RFC 8794). A recorder does not know the sizes of its segment and clusters."""
    at = 0
    while at < len(data):
        if not data[at]:
            return None  # no element: something was appended
        num_name, size_at = 9 - data[at].bit_length(), at + 9 - data[at].bit_length()
        if size_at >= len(data) or not data[size_at]:
            return None if size_at < len(data) else "its last element ends early"
        name = data[at : at + num_name]
        num_size = 9 - data[size_at].bit_length()
        body = size_at + num_size
        if body > len(data):
            return "its last element ends early"
        bits = 7 * num_size
        size = int.from_bytes(data[size_at:body], "big") & ((1 << bits) - 1)
        unknown = size == (1 << bits) - 1
        if name in _MATROSKA_MASTERS and unknown:
            at = body
        elif unknown or body + size > len(data):
            return f"{len(data) - body:,} of {size:,} bytes of its last element are there"
        else:
            at = body + size
    return None


def _after_id3(data: Buffer) -> int:
    """Return where tags of the kind ID3v2 at the start end."""
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        high, mid, low, last = data[at + 6 : at + 10]
        at += 10 + (high << 21 | mid << 14 | low << 7 | last) + (10 if data[at + 5] & 0x10 else 0)
    return at


def _frames(data: Buffer, start: int, num_bytes: Callable[[int], int]) -> list[tuple[int, int]]:
    """List (start, end) of frames, up to the end of the file or what is no frame (`num_bytes` is 0)."""
    frames = []
    while start < len(data) and (size := num_bytes(start)):
        frames.append((start, start + size))
        start += size
    return frames


def _cut_frame(data: Buffer, frames: list[tuple[int, int]]) -> str | None:
    if not frames:
        return f"it ends before its sound, after {len(data):,} bytes"
    start, end = frames[-1]
    if end <= len(data):
        return None
    return f"{len(frames) - 1:,} whole frames are there, and {len(data) - start} of {end - start} bytes of another"


def _adts_bytes(data: Buffer, at: int) -> int:
    header = data[at : at + 7]
    if header[:2] not in (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9"):
        return 0
    return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5 if len(header) == 7 else 7


def _mpeg_bytes(data: Buffer, at: int) -> int:
    """Length of a frame of MPEG audio; 0 if there is none, or it has a free bit rate."""
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    kbits, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or kbits in (0, 15) or rate == 3:
        return 0
    rate_hz = _MPEG_RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * _MPEG_KBITS[version == 3, layer][kbits - 1]
    if layer == 1:
        return 4 * (12 * bits // rate_hz + padding)
    return (72 if layer == 3 and version != 3 else 144) * bits // rate_hz + padding


def _missing_of_mp3(data: Buffer, start: int) -> str | None:
    """Without a Xing header an MP3 has no length: it is cut short if its last frame is."""
    frames = _frames(data, start, lambda at: _mpeg_bytes(data, at))
    if not frames:
        return None
    if cut := _cut_frame(data, frames):
        return cut
    first = data[frames[0][0] : frames[0][1]]
    place = max(first.find(b"Xing", 0, 48), first.find(b"Info", 0, 48))
    announced = _unpack(">2I", first, place + 4) if place > 0 else None
    if announced is None or not announced[0] & 1:
        return _missing_after_damage(data, frames)
    if len(frames) - 1 >= announced[1]:
        return None
    return f"{len(frames) - 1:,} of {announced[1]:,} frames are there"


def _missing_after_damage(data: Buffer, frames: list[tuple[int, int]]) -> str | None:
    """Find frames after bytes that are neither a frame nor a tag: the decoder would stop before them."""
    end = frames[-1][1]
    if data[end : end + 8].startswith((b"ID3", b"TAG", b"APETAGEX", b"LYRICS")):
        return None
    for at in range(end, min(end + _LONGEST_DAMAGE, len(data))):
        found = at
        for _ in range(_NUM_SURE):
            found += (size := _mpeg_bytes(data, found))
            if not size:
                break
        else:
            return f"{len(frames):,} whole frames are there, then damage and more frames"
    return None
