"""Progress displays on a stream that is no terminal: the last state of a bar, and messages."""

import pytest

from asheard.io.progress import ProgressBar, StatusDisplay, log, track


def test_track_yields_every_item_and_prints_the_last_state(capsys):
    assert list(track(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    done = capsys.readouterr()
    assert done.out == ""
    assert "letters" in done.err
    assert "3/3" in done.err


def test_progress_bar_counts_items_of_an_earlier_call(capsys):
    with ProgressBar("rows", 10, completed=6) as bar:
        bar.advance(2)
        bar.set_text("loss [0.5]")
    error = capsys.readouterr().err
    assert "8/10" in error
    assert "loss [0.5]" in error


def test_progress_bar_invisible(capsys):
    with ProgressBar("rows", 1, visible=False) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""


def test_status_display_without_a_terminal_prints_messages_alone(capsys):
    with StatusDisplay() as display:
        display.update("run", "step 1", 0.5)
        display.log("run: [done]")
        display.update("run", "step 2")
        display.remove("run")
        display.remove("run")
    assert capsys.readouterr().err == "run: [done]\n"


def test_log_is_one_line(capsys):
    log("word " * 60)
    assert capsys.readouterr().err == "word " * 60 + "\n"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (20, "1200/1200 transcribe"),
        (40, "1200/1200 transcribe read"),
        (80, "transcribe ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 1200/1200 0:00:00 read"),
    ],
)
def test_bar_in_a_narrow_terminal_keeps_the_count(monkeypatch, capsys, columns, line):
    monkeypatch.setenv("COLUMNS", str(columns))
    with ProgressBar("transcribe", 1200) as bar:
        bar.advance(1200)
        bar.set_text("read" if columns > 20 else "")
    assert capsys.readouterr().err.rstrip() == line
