"""Small pictures to evaluate tokenizers on."""

import torch
from skimage import data


def photographs(count: int = 12, side: int = 32) -> torch.Tensor:
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    tiles = picture.unfold(1, side, side).unfold(2, side, side).flatten(1, 2).transpose(0, 1)
    return tiles[:: len(tiles) // count][:count].contiguous()


def batches(pictures: torch.Tensor, size: int, rank: int = 0, world_size: int = 1):
    places = torch.arange(rank, len(pictures), world_size)
    return [(some, pictures[some]) for some in places.split(size)]
