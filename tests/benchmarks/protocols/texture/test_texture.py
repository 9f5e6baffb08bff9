"""Canvases beside their texture."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.protocols.texture import measure
from benchmarks.protocols.texture.measure import squares_of, texture_metrics
from benchmarks.records.texture import PROTOCOL


def waves(height: int, width: int, shift: float) -> UInt8[Tensor, "3 h w"]:
    """A texture with a period of 9 pixels across and 13 down."""
    down, across = torch.arange(height)[:, None], torch.arange(width)
    wave = torch.sin((across + shift) * 2 * np.pi / 9) + torch.sin(down * 2 * np.pi / 13)
    return (127 + 60 * wave).to(torch.uint8).expand(3, -1, -1)


def test_more_of_the_texture_is_nearer_than_another_one() -> None:
    train, test = (squares_of(waves(96, 160, shift), 24, 64) for shift in (0, 4))
    same = texture_metrics(waves(64, 200, 2), train, test)
    noise = torch.randint(0, 256, (3, 64, 200), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    other = texture_metrics(noise, train, test)
    for name in ("swd", "autocorrelation"):
        assert same[name] < 0.2 * other[name]
        assert same[f"{name}_of_test"] == other[f"{name}_of_test"] < 0.2 * other[name]
    assert texture_metrics(waves(32, 32, 0), train[..., :12, :12], test[..., :12, :12])["swd"] is None
    with pytest.raises(ValueError, match="got none"):
        texture_metrics(noise, [], test)


def test_the_document_has_the_version_and_every_metric() -> None:
    document = Path(measure.__file__).parents[1].joinpath("texture.md").read_text(encoding="utf-8")
    assert re.findall(r"^Version: `(.+)`$", document, re.MULTILINE) == [PROTOCOL]
    rows = re.findall(r"^\| (`.+`)", document, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[0])}
    train = squares_of(waves(64, 64, 0), 16, 4)
    assert named == texture_metrics(waves(32, 32, 0), train, train).keys()
