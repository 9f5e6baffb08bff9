"""What a bar says once its work has ended."""

import io

import pytest
from rich.console import Console

from benchmarks.training.progress import training_bar


def _last_line(steps: int, reached: int, error: bool = False) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    try:
        with training_bar("fsq", steps, "images", (), console) as bar:
            bar.start(reached)
            bar.stage("timing")
            if error:
                raise KeyError
    except KeyError:
        pass
    return next(line for line in reversed(screen.getvalue().splitlines()) if "fsq" in line)


@pytest.mark.parametrize("steps", [1, 300])
def test_nothing_stale_stands_beside_what_is_done(steps: int) -> None:
    last = _last_line(steps, 0)
    assert "done" in last
    assert f"{steps}/{steps}" in last
    assert "timing" not in last


def test_what_was_stopped_stays_where_it_was() -> None:
    last = _last_line(300, 100, error=True)
    assert "100/300" in last
    assert "done" not in last
