"""Small priors with decided opinions, and their layouts, of every kind."""

import itertools

import torch
from torch import Tensor

from priors import CodeLayout, GPTConfig, MaskGITConfig, Prior, PriorName, create_prior

LAYOUTS = {
    "plain": CodeLayout(((2, 3),), 1, 5),
    "depth 4": CodeLayout(((1, 2),), 4, 5),
    "depth 4, flattened": CodeLayout(((1, 2),), 4, 5, flatten=True),
    "digits with gaps": CodeLayout(((3,),), 2, 7, sub_tokens=2),
    "two maps": CodeLayout(((1, 2), (2, 3)), 1, 5),
}

TINY = {
    "depth": CodeLayout(((2,),), 2, 3),
    "flattened": CodeLayout(((2,),), 2, 3, flatten=True),
    "gaps": CodeLayout(((2,),), 1, 7, sub_tokens=2),
    "two maps": CodeLayout(((), (1, 2)), 1, 3),
}
"""Whose pictures can all be counted."""

CONFIGS = {"gpt": GPTConfig, "maskgit": MaskGITConfig}
SMALL = {"width": 16, "layers": 2, "heads": 2, "dropout": 0.0}


def make(name: PriorName, layout: CodeLayout, classes: int = 0, **changes: object) -> Prior:
    """A prior in eval mode whose weights are large enough for its probabilities to differ much."""
    torch.manual_seed(0)
    prior = create_prior(CONFIGS[name](**{**SMALL, **changes}), layout, classes).eval()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.25 * torch.randn_like(parameter))
    return prior


def random_tokens(layout: CodeLayout, count: int, seed: int = 0) -> Tensor:
    """Tokens of uniformly random codes."""
    chance = torch.Generator().manual_seed(seed)
    shapes = [(count, layout.codes_per_position, *grid) for grid in layout.grids]
    return layout.to_tokens([torch.randint(layout.codebook_size, shape, generator=chance) for shape in shapes])


def all_pictures(layout: CodeLayout) -> Tensor:
    """The tokens of every picture that there is."""
    count = layout.positions * layout.codes_per_position
    codes = torch.tensor(list(itertools.product(range(layout.codebook_size), repeat=count)))
    maps = codes.view(len(codes), layout.positions, -1).transpose(1, 2).split(layout.cells, 2)
    return layout.to_tokens([of.reshape(len(codes), -1, *grid) for of, grid in zip(maps, layout.grids, strict=True)])


def labels_for(prior: Prior, count: int) -> Tensor | None:
    """Labels of all classes in turn, for a prior that takes any."""
    return torch.arange(count) % prior.classes if prior.classes else None
