"""What goes wrong, said in one line on stderr."""

from rich.console import Console
from rich.text import Text


def print_error(error: object) -> None:
    """Print an error, or what is known of it, as one line."""
    message = Text("error: ", style="bold red") + Text(" ".join(str(error).split()), style="")
    Console(stderr=True, soft_wrap=True).print(message)
