"""Readings of what is written with digits and signs: numbers, money, fractions, dates, times, units."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Final

NUM_READINGS: Final = 24  # kept of one written word
_MAX_DIGITS: Final = 15  # of a number that is read as one; a longer one is read digit by digit

_ONES: Final = [
    *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
    *["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
]
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES: Final = ("", " thousand", " million", " billion", " trillion")
_ORDINALS: Final = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
_MONTHS: Final = [
    *["january", "february", "march", "april", "may", "june", "july", "august", "september", "october"],
    *["november", "december"],
]
_CURRENCIES: Final = {  # sign -> one, several, one hundredth, several of them
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "¢": ("cent", "cents", "", ""),
}
_MAGNITUDES: Final = {
    **dict.fromkeys(("k", "thousand"), "thousand"),
    **dict.fromkeys(("m", "mn", "mln", "million"), "million"),
    **dict.fromkeys(("b", "bn", "bln", "billion"), "billion"),
    **dict.fromkeys(("t", "tn", "trn", "trillion"), "trillion"),
}
_SCALED_UNITS: Final = (  # prefixes, unit
    ({"k": "kilo", "c": "centi", "m": "milli", "": ""}, "m", "meter"),
    ({"k": "kilo", "m": "milli", "": ""}, "g", "gram"),
    ({"m": "milli", "": ""}, "l", "liter"),
    ({"k": "kilo", "m": "mega", "g": "giga", "t": "tera"}, "b", "byte"),
    ({"m": "milli", "": ""}, "s", "second"),
    ({"k": "kilo", "": ""}, "w", "watt"),
)
_UNITS: Final = {  # as written, in lower case -> one, several
    f"{short}{unit}": (f"{long}{name}", f"{long}{name}s")
    for prefixes, unit, name in _SCALED_UNITS
    for short, long in prefixes.items()
} | {
    **{f"{short}hz": (f"{long}hertz", f"{long}hertz") for short, long in (("", ""), ("k", "kilo"), ("m", "mega"))},
    **{"ghz": ("gigahertz", "gigahertz"), "ft": ("foot", "feet"), "in": ("inch", "inches"), "yd": ("yard", "yards")},
    **{"mi": ("mile", "miles"), "mph": ("mile an hour", "miles an hour"), "oz": ("ounce", "ounces")},
    **{"km/h": ("kilometer an hour", "kilometers an hour"), "kmh": ("kilometer an hour", "kilometers an hour")},
    **{
        "lb": ("pound", "pounds"),
        "lbs": ("pound", "pounds"),
        "min": ("minute", "minutes"),
        "mins": ("minute", "minutes"),
    },
    **{"h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours")},
    **{"sec": ("second", "seconds"), "secs": ("second", "seconds"), "°": ("degree", "degrees")},
    **{"°c": ("degree celsius", "degrees celsius"), "°f": ("degree fahrenheit", "degrees fahrenheit")},
    **{
        f"{short}m{power}": (f"{shape} {long}meter", f"{shape} {long}meters")
        for power, shape in (("^2", "square"), ("^3", "cubic"))
        for short, long in (("k", "kilo"), ("c", "centi"), ("m", "milli"), ("", ""))
    },
}
SIGNS: Final = {  # read aloud wherever they are written
    **{"&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "×": "times"},
    **{"÷": "divided by", "±": "plus or minus", "♯": "sharp", "♭": "flat"},
    **{sign: several for sign, (_, several, _, _) in _CURRENCIES.items()},
}

_NUMBER: Final = r"(?:(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(?:\.\d+)?|\.\d+)"
_AMOUNT: Final = rf"(?P<amount>{_NUMBER})"
_SIGN: Final = "[" + "".join(_CURRENCIES) + "]"
_MAGNITUDE: Final = "(?P<magnitude>(?i:" + "|".join(sorted(_MAGNITUDES, key=len, reverse=True)) + "))"
_UNIT: Final = "(?P<unit>(?i:" + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True)) + "))"

# What is one written word although it holds blanks: 1 000 000, 2 1/2, $1.5 billion, 5 km, 5 %. Units that are also
# words or names of letters are joined only if nothing separates them from the number.
_JOINED_UNITS: Final = r"[kcm]?m\^[23]|bn|mn|km/h|km|cm|mm|kg|mg|ml|lbs?|oz|ft|mph|mins?|secs?|hrs?|g|[kmg]?hz|[gmt]b|m"
_SPACED: Final = r"\d{1,3}(?: \d{3}){1,4}(?! ?[\d/:])(?:\.\d+)?"
JOINED: Final = re.compile(
    rf"(?<![\w.,])(?<!\d )(?:No\. ?\d+|{_SPACED}|\d+ \d+/\d+|{_SIGN}?[\d.,]*\d)"
    rf"(?: ?(?:million|billion|trillion|thousand)| (?i:{_JOINED_UNITS})| ?(?:%|°[CF]?|{_SIGN}))?(?![\w%°])"
)


def cardinal(number: int, joint: str = "") -> str:
    """Write a number below 10^15 in words; `joint` (" and") stands before the last two digits, as the British say."""
    if number < 100:
        tens, ones = divmod(number, 10)
        return _ONES[number] if number < 20 else f"{_TENS[tens - 2]} {_ONES[ones]}" if ones else _TENS[tens - 2]
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f"{joint} {cardinal(rest)}" if rest else "")
    groups = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append((joint if not scale and group < 100 else "") + f" {cardinal(group, joint)}{scale}")
    return "".join(reversed(groups)).strip()


def ordinal(words: str) -> str:
    """Turn a number in words into its ordinal: twenty one, twenty first."""
    start, _, last = words.rpartition(" ")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{start} {last}".strip()


def readings(written: str) -> list[str]:
    """Give the ways in which people read what is written with digits or signs.

    Args:
        written: digits, signs and Latin letters, normalised; blanks only where `JOINED` allows them.
    Returns:
        Words of English with blanks between them, names of letters as `a.`; the usual reading first. A form that is not
        known is read part by part. Empty if nothing is read aloud.
    """
    for form, read in _FORMS:
        if (match := form.fullmatch(written)) and (found := read(match)):
            return _first(found)
    return _first(_parts(written))


def _first(phrases: Iterable[str]) -> list[str]:
    """Keep the first different phrases, with single blanks. No more are made: there may be millions."""
    found: dict[str, None] = {}
    for phrase in filter(None, (" ".join(phrase.split()) for phrase in phrases)):
        found[phrase] = None
        if len(found) == NUM_READINGS:
            break
    return list(found)


def _combine(*parts: Sequence[str]) -> list[str]:
    """Return every combination of one phrase of each part, joined."""
    return _first(" ".join(phrases) for phrases in product(*parts))


def _cardinals(number: int) -> list[str]:
    phrases = _first([cardinal(number), cardinal(number, " and")])
    whole = 100 <= number < 200 or (number and not number % 1000)  # a hundred and five, a thousand
    return phrases + [f"a{phrase[3:]}" for phrase in phrases if whole and phrase.startswith("one ")]


def _digits(digits: str) -> list[str]:
    phrase = " ".join(_ONES[int(digit)] for digit in digits)
    return _first([phrase, phrase.replace("zero", "oh")])


def _pairs(digits: str) -> str:
    """Read three or four digits as two numbers: nineteen eighty four, nineteen oh five, nine eleven."""
    high, low = cardinal(int(digits[:-2])), int(digits[-2:])
    return f"{high} hundred" if not low else f"{high} oh {cardinal(low)}" if low < 10 else f"{high} {cardinal(low)}"


def _integer(digits: str) -> list[str]:
    number = int(digits)
    if len(digits) > _MAX_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return _digits(digits)
    whole = _cardinals(number)
    if len(digits) == 4 and number % 1000:
        usual = 1100 <= number < 2000 or 2010 <= number < 2100  # a year
        return [_pairs(digits), *whole, *_digits(digits)] if usual else [*whole, _pairs(digits), *_digits(digits)]
    if len(digits) == 3 and number % 100:
        return [*whole, _pairs(digits), *_digits(digits)]
    return [*whole, *_digits(digits)] if len(digits) > 4 else whole


def _amount(written: str) -> list[str]:
    """Read a number without a sign: digits, separators of thousands, a decimal point."""
    whole, point, decimals = written.replace(",", "").partition(".")
    groups = whole.split(" ")
    if len(groups) > 1:
        joined = "".join(groups)
        phrases = _cardinals(int(joined)) if len(joined) <= _MAX_DIGITS else _digits(joined)
        if not any(group.startswith("0") for group in groups):
            phrases = [*phrases, " ".join(cardinal(int(group)) for group in groups)]
    elif "," in written:
        phrases = _cardinals(int(whole)) if len(whole) <= _MAX_DIGITS else _digits(whole)
    elif not point:
        return _integer(whole)
    else:
        phrases = (_cardinals(int(whole)) if len(whole) <= _MAX_DIGITS else _digits(whole)) if whole else [""]
        phrases = [*phrases, "", "oh"] if whole == "0" else phrases
    if not point:
        return phrases
    found = _combine(phrases, ["point"], _digits(decimals))
    if decimals == "5" and whole.isdigit() and int(whole):
        found += [f"{phrase} and a half" for phrase in phrases]
    return found


def _counted(amount: str, one: str, several: str) -> list[str]:
    """Give an amount of something; `a five dollar bill` has no plural."""
    nouns = (one,) if amount == "1" else (several, one)
    return [f"{phrase} {noun}" for noun in nouns for phrase in _amount(amount)]


def _money(match: re.Match[str]) -> list[str]:
    amount, magnitude = match["amount"], match["magnitude"]
    one, several, hundredth, hundredths = _CURRENCIES[match["sign"]]
    if magnitude:
        return _combine(_amount(amount), [_MAGNITUDES[magnitude.lower()]], [several])
    whole, _, decimals = amount.partition(".")
    if len(decimals) != 2 or not hundredth:
        found = _counted(amount, one, several)
        return [*found, f"a {one}"] if amount == "1" else found
    low = int(decimals)
    units = _counted(whole or "0", one, several)
    if not low:
        return units
    small = f"{cardinal(low)} {hundredth if low == 1 else hundredths}"
    if not int(whole.replace(",", "") or "0"):
        return [small, *_combine(units, ["and", ""], [small])]
    short = _combine(_amount(whole), [f"oh {cardinal(low)}" if low < 10 else cardinal(low)])
    return [*_combine(units, ["and", ""], [small]), *short, *_combine(units, ["and", ""], [cardinal(low)])]


def _time(match: re.Match[str]) -> list[str]:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if hour > 24 or minute > 59:
        return []
    half = " ".join(f"{letter}." for letter in (match["half"] or "").lower().replace(".", ""))
    said = cardinal(hour)
    later = cardinal(hour % 12 + 1)
    if not minute:
        found = [said, f"{said} o'clock"] if half or match["minute"] is None else [f"{said} o'clock", said]
        found += [f"{said} hundred"] if match["minute"] else []
    else:
        found = [f"{said} oh {cardinal(minute)}" if minute < 10 else f"{said} {cardinal(minute)}"]
        found += {
            15: [f"{said} fifteen", f"quarter past {said}", f"a quarter past {said}"],
            30: [f"half past {said}"],
            45: [f"quarter to {later}", f"a quarter to {later}"],
        }.get(minute, [f"{cardinal(minute)} past {said}", f"{cardinal(60 - minute)} to {later}"])
    return _combine(found, [half]) + (found if half and match["minute"] else [])


def _date(match: re.Match[str]) -> list[str]:
    """Read month/day/year, day.month.year and year-month-day."""
    first, second, year = match["first"], match["second"], match["year"]
    orders = [(int(first), int(second)), (int(second), int(first))]
    dates = [(month, day) for month, day in orders if 1 <= month <= 12 and 1 <= day <= 31]
    if not dates:
        return []
    years = _integer(year)[:2] if len(year) == 4 else [("oh " if year[0] == "0" else "") + cardinal(int(year))]
    found = []
    for month, day in dict.fromkeys(dates):
        name, number = _MONTHS[month - 1], cardinal(day)
        days = (f"{name} {ordinal(number)}", f"the {ordinal(number)} of {name}", f"{name} {number}")
        found += _combine([*days, f"{name} the {ordinal(number)}", f"{ordinal(number)} of {name}"], years[:1])
        found += [f"{days[0]} {later}" for later in years[1:]]
    figures = [cardinal(int(first)), cardinal(int(second)), years[0]]
    return [*found[:16], " ".join(figures), " slash ".join(figures)]


def _fraction(match: re.Match[str]) -> list[str]:
    over, under = int(match["over"]), int(match["under"])
    if len(match["over"]) > 4 or len(match["under"]) > 4:
        return []
    top, bottom = cardinal(over), cardinal(under)
    names = {1: ["over one"], 2: ["half"], 4: ["quarter", "fourth"]}.get(under, [ordinal(bottom)] if under else [])
    if over != 1:
        names = [name if under == 1 else "halves" if name == "half" else f"{name}s" for name in names]
    parts = [f"{top} {name}" for name in names]
    parts += [f"{'an' if under in (8, 11, 18) else 'a'} {name}" for name in names if over == 1 and under > 1]
    if match["whole"]:
        return _combine(_amount(match["whole"]), ["and"], parts)
    parts += ["half"] if (over, under) == (1, 2) else []
    apart = [f"{top} {bottom}", f"{top} over {bottom}", f"{top} slash {bottom}", f"{top} out of {bottom}"]
    if 1 <= over <= 12 and 1 <= under <= 31:
        apart += [f"{_MONTHS[over - 1]} {ordinal(bottom)}", f"the {ordinal(bottom)} of {_MONTHS[over - 1]}"]
    return [*parts, *apart] if over < under else [*apart, *parts]


def _ordinals(match: re.Match[str]) -> list[str]:
    number = match["number"].replace(",", "")
    return [ordinal(phrase) for phrase in _cardinals(int(number))] if len(number) <= _MAX_DIGITS else []


def _decade(match: re.Match[str]) -> list[str]:
    digits = match["digits"]
    phrases = [_pairs(digits), cardinal(int(digits))] if len(digits) == 4 else [cardinal(int(digits))]
    return [f"{phrase[:-1]}ies" if phrase.endswith("y") else f"{phrase}s" for phrase in phrases]


def _measure(match: re.Match[str]) -> list[str]:
    unit, amount = match["unit"], match["amount"]
    one, several = _UNITS[unit.lower()]
    found = _counted(amount, one, several)
    if unit[0] == "°" and len(unit) > 1:
        degrees = _counted(amount, "degree", "degrees")
        found += [*degrees, *_combine(degrees, [letters(unit)])]
    if " an hour" in one:
        found += _counted(amount, one.replace(" an ", " per "), several.replace(" an ", " per "))
    return found + _with_letter(amount, unit)


def _scaled(match: re.Match[str]) -> list[str]:
    amount, magnitude = match["amount"], match["magnitude"]
    return _combine(_amount(amount), [_MAGNITUDES[magnitude.lower()]]) + _with_letter(amount, magnitude)


def _with_letter(amount: str, letter: str) -> list[str]:
    """Read 5G and 5m in the ways in which the letter is no unit."""
    if len(letter) > 1 or not letter.isalpha():
        return []
    return _combine(_amount(amount), [letters(letter), *filter(None, [_MAGNITUDES.get(letter.lower())])])


def _span(match: re.Match[str]) -> list[str]:
    """Read 10-20, 1914-1918, 3:2 and 555-1234."""
    first, second = match["first"], match["second"]
    said = list(zip(_amount(first), _amount(second), strict=False))[:2]
    found = [f"{low} {joint} {high}" for joint in ("to", "") for low, high in said]
    if not (first + second).isdigit():
        return found
    digits = _combine(_digits(first), _digits(second))
    return [*digits, *found] if len(first) != len(second) and len(second) > 3 else [*found, *digits]


def _telephone(match: re.Match[str]) -> list[str]:
    return _digits("".join(filter(str.isdigit, match[0])))


def _times(match: re.Match[str]) -> list[str]:
    return [
        f"{first} {joint} {second}"
        for joint in ("by", "times")
        for first, second in product(_amount(match["first"])[:2], _amount(match["second"])[:2])
    ]


_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], list[str]]]
_FORMS: Final[tuple[_Form, ...]] = (
    (re.compile(_AMOUNT), lambda match: _amount(match["amount"])),
    (re.compile(r"-(?P<rest>[\d.$£€¥₹].*)"), lambda match: _combine(["minus", "negative"], readings(match["rest"]))),
    (re.compile(r"#(?P<rest>\d+)"), lambda match: _combine(["number", "hashtag", "pound"], _integer(match["rest"]))),
    (re.compile(r"No\.? ?(?P<rest>\d+)"), lambda match: _combine(["number", "no"], _integer(match["rest"]))),
    (re.compile(r"#(?P<rest>[^\W\d].*)"), lambda match: _combine(["hashtag"], readings(match["rest"]))),
    (re.compile(rf"{_AMOUNT} ?%"), lambda match: _combine(_amount(match["amount"]), ["percent"])),
    (re.compile(rf"(?P<sign>{_SIGN}){_AMOUNT} ?{_MAGNITUDE}?"), _money),
    (re.compile(rf"{_AMOUNT} ?{_MAGNITUDE}? ?(?P<sign>{_SIGN})"), _money),
    (re.compile(r"'?(?P<digits>\d{2}00|\d{3}0|\d0)'?s"), _decade),
    (re.compile(rf"{_AMOUNT} ?{_UNIT}"), _measure),
    (re.compile(rf"{_AMOUNT} ?{_MAGNITUDE}"), _scaled),
    (re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?P<half>[aApP]\.?[mM]\.?)?"), _time),
    (re.compile(r"(?P<hour>\d{1,2})(?P<minute>)(?P<half>[aApP]\.?[mM]\.?)"), _time),
    (re.compile(r"(?P<first>\d{1,2})(?P<by>[/.-])(?P<second>\d{1,2})(?P=by)(?P<year>\d{4}|\d{2})"), _date),
    (re.compile(r"(?P<year>\d{4})(?P<by>[/.-])(?P<first>\d{1,2})(?P=by)(?P<second>\d{1,2})"), _date),
    (re.compile(r"(?:(?P<whole>\d+) )?(?P<over>\d+)/(?P<under>\d+)"), _fraction),
    (re.compile(r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?i:st|nd|rd|th)"), _ordinals),
    (re.compile(r"\+?\d+(?:[-.]\d+){2,}"), _telephone),
    (re.compile(rf"(?P<first>{_NUMBER})[-:](?P<second>{_NUMBER})"), _span),
    (re.compile(rf"(?P<first>{_NUMBER})[x×](?P<second>{_NUMBER})"), _times),
    (re.compile(rf"{_AMOUNT}[xX×]"), lambda match: _combine(_amount(match["amount"]), ["x.", "times"])),
    (
        re.compile(r"(?P<feet>\d)'(?P<inches>\d{1,2})\"?"),
        lambda match: [
            form.format(cardinal(int(match["feet"])), cardinal(int(match["inches"])))
            for form in ("{} foot {}", "{} feet {}", "{} feet {} inches", "{} {}")
        ],
    ),
)

_SIGN_PART: Final = "[" + re.escape("".join(SIGNS)) + "]"
_PART: Final = re.compile(rf"(?=\d){_NUMBER}|[^\W\d_]+(?:'[^\W\d_]+)*|{_SIGN_PART}|(?<=\d)\^\d{{1,3}}|(?<=\d)\.(?=\d)")
_POWERS: Final = {"^2": "squared", "^3": "cubed"}


def _parts(written: str) -> list[str]:
    """Read a mixture of letters, digits and signs part by part: R2D2, COVID-19, rock&roll, 24-hour, 10^2."""
    pieces = [piece for piece in written.split("-") if piece]
    if len(pieces) > 1:
        return _combine(*filter(None, map(readings, pieces)))
    found = []
    for part in _PART.findall(written):
        if part[0].isdigit():
            found.append(_amount(part))
        elif part[0] == "^":
            found.append([_POWERS.get(part, f"to the power of {cardinal(int(part[1:]))}"), ""])
        elif part == ".":
            found.append(["point"])
        elif part in SIGNS:
            found.append([SIGNS[part]])
        elif len(part) == 1 or (part.isupper() and not set(part) & set("AEIOUY")):
            found.append([letters(part)])
        else:
            found.append([letters(part), part] if part.isupper() else [part])
    return _combine(*found) if found else []


def letters(word: str) -> str:
    """Write the names of a word's letters as CMUdict spells them: `g. d. p.`."""
    return " ".join(f"{letter}." for letter in word.lower() if letter.isalpha())
