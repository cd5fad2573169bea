"""AsHeard writes down the phones a learner of English actually said."""

__version__ = "0.1.0"
