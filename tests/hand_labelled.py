"""Utterances written down pair by pair."""

from asheard.corpora.records import ErrorType, Token, Utterance


def utterance(speaker, l1, said, utt="a1"):
    """One utterance from (canonical, perceived) pairs; "-" is a deletion, "err" a sound without a name."""
    tokens = []
    for canonical, perceived in said:
        if perceived == canonical:
            tokens.append(Token(canonical, perceived, ErrorType.OK))
        elif perceived == "-":
            tokens.append(Token(canonical, None, ErrorType.DELETION))
        else:
            heard = None if perceived == "err" else perceived
            kind = ErrorType.ADDITION if canonical is None else ErrorType.SUBSTITUTION
            tokens.append(Token(canonical, heard, kind))
    return Utterance(utt, speaker, l1, None, None, tuple(tokens))
