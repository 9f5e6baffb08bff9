"""Small priors with decided opinions, and their layouts, of every kind."""

import itertools

import torch
from scipy.stats import chisquare
from torch import Tensor

from priors import CodeLayout, Prior, PriorName, create_prior
from priors.settings import CONFIGS
from quantizers import Quantizer, create_quantizer

LAYOUTS = {
    "plain": CodeLayout(((2, 3),), 1, 5),
    "depth 4": CodeLayout(((1, 2),), 4, 5),
    "depth 4, flattened": CodeLayout(((1, 2),), 4, 5, flatten=True),
    "digits with gaps": CodeLayout(((3,),), 2, 7, sub_tokens=2),
    "two maps": CodeLayout(((1, 2), (2, 3)), 1, 5),
}

BY_SCALE = {
    "plain": CodeLayout(((1, 1), (1, 2), (1, 3)), 1, 5, by_scale=True),
    "square": CodeLayout(((1, 1), (2, 2), (4, 4)), 1, 5, by_scale=True),
    "odd sides": CodeLayout(((1, 1), (2, 2), (2, 3)), 1, 5, by_scale=True),
    "large start": CodeLayout(((2, 2), (3, 3)), 1, 7, by_scale=True),
    "line": CodeLayout(((1,), (3,), (4,)), 1, 5, by_scale=True),
}
"""Of a multi-scale quantizer whose scales are the maps' longest sides."""

TINY_BY_SCALE = {
    "line": CodeLayout(((1,), (2,), (3,)), 1, 3, by_scale=True),
    "square": CodeLayout(((1, 1), (2, 2)), 1, 3, by_scale=True),
}

TINY = {
    "depth": CodeLayout(((2,),), 2, 3),
    "flattened": CodeLayout(((2,),), 2, 3, flatten=True),
    "gaps": CodeLayout(((2,),), 1, 7, sub_tokens=2),
    "two maps": CodeLayout(((), (1, 2)), 1, 3),
}
"""Whose pictures can all be counted."""

SMALL = {"width": 16, "layers": 2, "heads": 2, "dropout": 0.0}


def layouts_of(name: PriorName) -> dict[str, CodeLayout]:
    """Those that a prior may be over."""
    return BY_SCALE if CONFIGS[name].by_scale else LAYOUTS


def quantizers_of(layout: CodeLayout) -> list[Quantizer]:
    """What a prior by scale is given."""
    if not layout.by_scale:
        return []
    scales = tuple(max(grid) for grid in layout.grids)
    return [create_quantizer("multi-scale", dim=3, codebook_size=layout.codebook_size, scales=scales)]


def make(name: PriorName, layout: CodeLayout, classes: int = 0, **changes: object) -> Prior:
    """A prior in eval mode whose weights are large enough for its probabilities to differ much."""
    torch.manual_seed(0)
    prior = create_prior(CONFIGS[name](**{**SMALL, **changes}), layout, classes, quantizers_of(layout)).eval()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.25 * torch.randn_like(parameter))
    return prior


def random_tokens(layout: CodeLayout, count: int, seed: int = 0) -> Tensor:
    """Tokens of uniformly random codes."""
    chance = torch.Generator().manual_seed(seed)
    if layout.by_scale:
        return torch.randint(layout.codebook_size, (count, layout.positions, 1), generator=chance)
    shapes = [(count, layout.codes_per_position, *grid) for grid in layout.grids]
    return layout.to_tokens([torch.randint(layout.codebook_size, shape, generator=chance) for shape in shapes])


def all_pictures(layout: CodeLayout) -> Tensor:
    """The tokens of every picture that there is."""
    count = layout.positions * layout.codes_per_position
    codes = torch.tensor(list(itertools.product(range(layout.codebook_size), repeat=count)))
    if layout.by_scale:
        return codes.unsqueeze(2)
    maps = codes.view(len(codes), layout.positions, -1).transpose(1, 2).split(layout.cells, 2)
    return layout.to_tokens([of.reshape(len(codes), -1, *grid) for of, grid in zip(maps, layout.grids, strict=True)])


def labels_for(prior: Prior, count: int) -> Tensor | None:
    """Labels of all classes in turn, for a prior that takes any."""
    return torch.arange(count) % prior.classes if prior.classes else None


def agree(drawn: Tensor, pictures: Tensor, expected: Tensor) -> bool:
    """Whether pictures were drawn as often as expected, by a chi-square test; rare ones are counted together."""
    equal = (drawn.flatten(1)[:, None] == pictures.flatten(1)).all(2)
    assert (equal.sum(1) == 1).all()
    counts = equal.sum(0).double()
    rare = expected < 8
    expected = torch.cat([expected[~rare], expected[rare].sum(0, keepdim=True)]).double()
    counts = torch.cat([counts[~rare], counts[rare].sum(0, keepdim=True)])
    kept = expected > 0
    scaled = expected[kept] * counts.sum() / expected[kept].sum()
    return chisquare(counts[kept], scaled).pvalue > 0.001
