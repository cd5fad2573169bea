"""What is refused, as a status and a sentence."""

from asheard.errors import AsHeardError, CorpusError, ModelError, PhoneError


class RefusedError(AsHeardError):
    """A request that the service turns down; `status` is HTTP's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def status_of(error: AsHeardError) -> int:
    """HTTP's status of an error: what was understood and cannot be worked with is 422; a model that fails is 503."""
    if isinstance(error, RefusedError):
        return error.status
    return 422 if isinstance(error, CorpusError | PhoneError) else 503 if isinstance(error, ModelError) else 400
