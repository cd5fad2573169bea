"""How much the service takes, from one request and from one client."""

from dataclasses import dataclass

from asheard.corpora.audio import LONGEST_READING_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused beyond.

    num_bytes: of a request's body; half an hour at 16 kHz, or three minutes of 96 kHz, stereo, 24 bits, are less.
    seconds: of a recording that is transcribed. seconds_of_reading: of one that is compared or held to a text.
    num_characters: of a text, or of phones. num_models: compared at once. num_waiting: requests that may wait for
    one model; more are told to come again. requests_a_minute: of one client address; None takes any number.
    """

    num_bytes: int = 110_000_000
    seconds: float = 1800.0
    seconds_of_reading: float = LONGEST_READING_S
    num_characters: int = 2_000
    num_models: int = 8
    num_waiting: int = 256
    requests_a_minute: int | None = None
