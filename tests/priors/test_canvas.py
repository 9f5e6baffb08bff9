"""Canvases larger than the window that a prior knows."""

import pytest
import torch
from small_priors import LAYOUTS, make
from torch import Tensor

from priors import CodeLayout, Sampling, SamplingStopped
from priors.canvas import draw_canvas

WINDOWS = {
    "plain": CodeLayout(((3, 4),), 1, 5),
    "depth": CodeLayout(((3, 4),), 2, 5),
    "flattened, with gaps": CodeLayout(((3, 4),), 1, 7, sub_tokens=2, flatten=True),
}
every_window = pytest.mark.parametrize("layout", WINDOWS.values(), ids=list(WINDOWS))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@every_window
def test_a_canvas_of_the_windows_size_is_a_picture_of_the_prior(layout: CodeLayout) -> None:
    prior = make("gpt", layout)
    (expected,) = layout.to_codes(prior.sample(3, generator=seeded()))
    assert torch.equal(draw_canvas(prior, (3, 4), 3, generator=seeded()), expected)


@pytest.mark.parametrize("name", ["gpt", "maskgit"])
@every_window
def test_each_code_is_drawn_in_the_middle_of_a_window_of_those_around_it(name: str, layout: CodeLayout) -> None:
    """With one choice for each token, every code can be drawn again from what the canvas has around it."""
    prior, greedy = make(name, layout), Sampling(top_k=1)
    seen: list[int] = []
    canvas = draw_canvas(prior, (5, 9), 2, None, greedy, seeded(), on_step=lambda done, total: seen.append(done))
    assert canvas.shape == (2, layout.codes_per_position, 5, 9)
    assert seen == list(range(1, 46))
    if name == "maskgit":  # its choices also depend on chance
        return
    for row, column in ((0, 0), (0, 8), (1, 3), (2, 4), (3, 7), (4, 8)):
        top, left = min(max(row - 1, 0), 2), min(max(column - 2, 0), 5)
        tokens = layout.to_tokens([canvas[:, :, top : top + 3, left : left + 4]])
        known = (row - top) * 4 + column - left
        again = prior.sample(2, None, greedy, given=tokens[:, :known], positions=known + 1)
        assert torch.equal(again[:, known], tokens[:, known])


def test_only_the_first_positions_can_be_drawn() -> None:
    for name in ("gpt", "maskgit"):
        prior = make(name, WINDOWS["depth"])
        whole = prior.sample(2, generator=seeded())
        part = prior.sample(2, generator=seeded(), positions=5)
        assert torch.equal(part, whole[:, :5])
    given = whole[:, :4]
    for positions, message in ((3, "positions must be"), (13, "at most the 12")):
        with pytest.raises(ValueError, match=message):
            prior.sample(2, given=given, positions=positions)


def test_what_is_no_canvas_is_refused() -> None:
    prior = make("gpt", WINDOWS["plain"])
    for grid in ((2, 4), (3, 3), (12,)):
        with pytest.raises(ValueError, match="at least the window's"):
            draw_canvas(prior, grid)
    for other in ("two maps", "digits with gaps"):
        with pytest.raises(ValueError, match="one map of codes in rows and columns"):
            draw_canvas(make("gpt", LAYOUTS[other]), (4, 4))
    delayed = CodeLayout(((3, 4),), 2, 5, delay=True)
    with pytest.raises(ValueError, match="one position after the other"):
        draw_canvas(make("gpt", delayed), (4, 4))
    with pytest.raises(ValueError, match="must be all 12 of delayed tokens, got 5"):
        make("gpt", delayed).sample(2, positions=5)
    stop: list[Tensor] = []
    with pytest.raises(SamplingStopped, match="after 3 of 20 positions"):
        draw_canvas(prior, (4, 5), on_step=lambda *_: stop.append(torch.ones(1)), stop_requested=lambda: len(stop) > 2)
