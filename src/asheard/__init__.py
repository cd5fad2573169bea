"""AsHeard writes down the phones a learner of English actually said."""

from typing import Final

__version__ = "0.1.0"
DEFAULT_MODEL: Final = "asheard-tiny"  # the model that ships with the package, `asheard.models.ASHEARD_TINY`
