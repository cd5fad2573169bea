"""The label grammar of L2-ARCTIC's phone tier.

    label      = silence | phone | canonical "," perceived "," type
    type       = "s" (substitution) | "d" (deletion) | "a" (addition), in either case, "*" where accented
    silence    = "" | "sil" | "sp" | "spn", in either case
    perceived  = phone | silence | "err"
    phone      = an ARPAbet symbol in either case, with or without stress digit, "*" where accented

Blanks, line breaks and the stray characters ) ` _ 8 ! mean nothing anywhere. Each phone is folded by what is written on
its own side: AH0 and AX are schwa; AH, AH1 and AH2 are ʌ. A bare perceived AH is therefore never schwa, for an
annotator who heard schwa had AX to say so: `AH0,AH,s` is ə heard as ʌ. A substitution may still name one phone twice,
as `R,R*,s` does: the annotator heard an accented ɹ and nothing the alphabet has a symbol for.
"""

from functools import cache
from typing import NamedTuple

from asheard.corpora.records import ErrorType
from asheard.errors import PhoneError
from asheard.phones import ERR, fold_arpabet, is_silence

_TYPES = {error_type.value: error_type for error_type in ErrorType if error_type is not ErrorType.OK}
_SIDES = {  # which side holds a phone: (canonical, perceived)
    ErrorType.SUBSTITUTION: (True, True),
    ErrorType.DELETION: (True, False),
    ErrorType.ADDITION: (False, True),
}
_STRAY = str.maketrans("", "", "*)`_8!")


class Label(NamedTuple):
    """One label, phones folded to IPA; `perceived` is "err" where the annotator could not name the sound."""

    canonical: str | None
    perceived: str | None
    error_type: ErrorType
    accented: bool


@cache  # a corpus has a few thousand labels, each thousands of times
def parse_label(text: str) -> Label | None:
    """Read one label of a phone tier.

    Args:
        text: the label as written.
    Returns:
        its phones and error type, or None for silence.
    Raises:
        ValueError: the label is outside the grammar; the message says why.
    """
    fields = "".join(text.split()).split(",")
    accented = "*" in text
    if len(fields) == 1:
        phone = _phone(fields[0])
        if phone is None:
            return None
        if phone == ERR:
            raise ValueError("err needs the canonical phone before it")
        return Label(phone, phone, ErrorType.OK, accented)
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields, expected one or three")
    error_type = _TYPES.get(fields[2].translate(_STRAY).lower())
    if error_type is None:
        raise ValueError(f"error type {fields[2]!r} is none of s, d, a")
    canonical, perceived = _phone(fields[0]), _phone(fields[1])
    if canonical == ERR:
        raise ValueError("err is a perceived label, never a canonical one")
    if (canonical is not None, perceived is not None) != _SIDES[error_type]:
        raise ValueError(f"type {error_type.value} does not fit the phone or silence on either side")
    return Label(canonical, perceived, error_type, accented)


def _phone(written: str) -> str | None:
    """IPA phone, "err", or None for silence."""
    symbol = written.translate(_STRAY)
    if symbol.lower() == ERR:
        return ERR
    if is_silence(symbol):
        return None
    try:
        return fold_arpabet(symbol)
    except PhoneError as error:
        raise ValueError(str(error)) from None
