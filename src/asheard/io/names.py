"""Names of utterances, speakers and runs that become names of files.

A name comes from a manifest, a recording or another machine. It must neither lead out of the folder of its file nor
replace the file of another name, on Linux, macOS or Windows.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from asheard.errors import CorpusError

MAX_NAME_BYTES: Final = 200  # file systems allow 255; endings and the names of unfinished files are longer
_SEPARATORS: Final = frozenset("/\\:")  # of folders; the colon ends the name of a drive or of a file on Windows
_WINDOWS_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


def safe_name(name: str, what: str) -> str:
    """Return a name if it can be the name of a file or folder, alone or with an ending.

    Args:
        name: the name.
        what: what has the name, for the message.
    Raises:
        CorpusError: the name is empty, begins with a dot, ends in a dot or blank, holds a separator or a control
            character, is a device of Windows, is too long, or is not Unicode.
    """
    if reason := _reason_against(name):
        raise CorpusError(f"{what} {name!r} cannot be the name of a file: {reason}. Rename it")
    return name


def refuse_same_paths(paths: Iterable[Path]) -> None:
    """Check that files do not replace each other, also if case and forms of letters are not told apart.

    Raises:
        CorpusError: two paths are one file on some systems, or one is a file and the folder of another.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if (other := files.setdefault(_folded(path), path)) is not path:
            raise CorpusError(f"{other} and {path} are one file on macOS or Windows. Rename one of the utterances")
    for path in list(files.values()):
        if (file := files.get(_folded(path.parent))) is not None:
            raise CorpusError(f"{file} would be a file and also the folder of {path.name}. Rename the speaker")


def check_utf8_path(path: Path | str) -> None:
    """Check that a path can be written into rows and reports, which are UTF-8.

    Raises:
        CorpusError: it holds bytes that are not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise CorpusError(f"{shown}: the name is not UTF-8; rename the file or its folder") from None


def _reason_against(name: str) -> str | None:
    if not name:
        return "it is empty"
    if separators := _SEPARATORS & set(name):
        return f"it holds {' and '.join(sorted(separators))}"
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        return "it holds a control character"
    if any(unicodedata.category(character) == "Cs" for character in name):
        return "it is not Unicode text"
    if name.startswith("."):
        return "it begins with a dot"
    if name[-1] == "." or name[-1].isspace():
        return "it ends in a dot or a blank"
    if _WINDOWS_DEVICE.match(name):
        return "it is a device of Windows"
    if (num_bytes := len(name.encode())) > MAX_NAME_BYTES:
        return f"it has {num_bytes} bytes, and the limit is {MAX_NAME_BYTES}"
    return None


def _folded(path: Path) -> str:
    """Fold a path as file systems do that are blind to case and to the form of letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())
