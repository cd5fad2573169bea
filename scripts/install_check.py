"""Install the wheel of AsHeard alone, and print what it weighs and how fast its commands start.

    python scripts/install_check.py

It builds the wheel, installs it with the locked base packages (no extra) into a fresh environment, and runs each
command in a new process. Printed: size of the environment in MB, and CPU seconds (user and system) from start to
output, the least of three runs. Exit code 1: the environment is larger than its limit, or a command fails.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MAX_INSTALL_MB: Final = 250
NUM_RUNS: Final = 3
TEXT: Final = "see the moon"

# CPU seconds that a cold start may take; None: only printed.
COMMANDS: Final[dict[str, tuple[tuple[str, ...], float | None]]] = {
    "import asheard": (("python", "-c", "import asheard"), 0.1),
    "asheard --help": (("asheard", "--help"), None),
    "asheard transcribe moon.wav": (("asheard", "transcribe", "moon.wav"), 1.0),
    f'asheard score moon.wav --text "{TEXT}"': (("asheard", "score", "moon.wav", "--text", TEXT), 1.2),
    "asheard models list": (("asheard", "models", "list"), None),
}


PIP: Final = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def install_wheel(folder: Path) -> Path:
    """Install the wheel and the locked base packages into a new environment.

    Args:
        folder: where the environment goes; it must not exist.
    Returns:
        The environment's folder of programs.
    Raises:
        subprocess.CalledProcessError: pip fails, for example without a network.
    """
    with tempfile.TemporaryDirectory() as wheels:
        subprocess.run(
            [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, str(ROOT)], check=True
        )
        (wheel,) = Path(wheels).glob("asheard-*.whl")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        into = [*PIP, "--python", str(folder / "bin" / "python"), "install", "--no-deps"]
        subprocess.run(
            [*into, "--require-hashes", "--requirement", str(ROOT / "requirements" / "base.txt")], check=True
        )
        subprocess.run([*into, str(wheel)], check=True)
    return folder / "bin"


def size_mb(folder: Path) -> float:
    """Size of all files below a folder, in MB of 1,000,000 bytes; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def write_speech(path: Path) -> None:
    """Write a recording of `TEXT` by eSpeak NG."""
    import soundfile

    from asheard.phones.espeak import Voice, render_phonemes

    speech = render_phonemes("s'i: D@ m'u:n", Voice("en-us"), seed=1)
    soundfile.write(path, speech.samples, speech.sample_rate_hz)


def cpu_seconds(command: list[str], folder: Path) -> float:
    """CPU time, user and system, of one run of a command in `folder`.

    Raises:
        subprocess.CalledProcessError: the command fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the size and the cold starts."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="asheard-install-"))
    try:
        programs = install_wheel(folder / "venv")
        megabytes = size_mb(folder / "venv")
        print(f"base install: {megabytes:.0f} MB (limit {MAX_INSTALL_MB})")
        write_speech(folder / "moon.wav")
        for shown, ((program, *arguments), target) in COMMANDS.items():
            command = [str(programs / program), *arguments]
            cpu_seconds(command, folder)  # once, so that the files are in memory and compiled to bytecode
            seconds = min(cpu_seconds(command, folder) for _ in range(NUM_RUNS))
            print(f"{shown}: {seconds:.2f} s of CPU time" + (f" (target {target})" if target else ""))
    finally:
        shutil.rmtree(folder)
    return int(megabytes > MAX_INSTALL_MB)


if __name__ == "__main__":
    sys.exit(main())
