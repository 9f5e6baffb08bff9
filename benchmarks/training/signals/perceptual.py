"""Which perceptual loss pictures, and the frames of films, are trained by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from autoencoders import LossConfig
from autoencoders.pictures.perceptual import choose_perceptual
from storage.paths import StrPath

Config = TypeVar("Config", bound=LossConfig)


def with_perceptual(asked: Config, lpips_backbone: StrPath | None) -> tuple[Config, dict[str, str]]:
    """The loss's settings with what "auto" comes to here, and why. Arguments and errors as `Signal.choose_loss`."""
    loss = asked if lpips_backbone is None else replace(asked, lpips_backbone=Path(lpips_backbone))
    choice = choose_perceptual(loss.perceptual, loss.lpips_backbone)
    notes = {"perceptual loss": choice.reason} if asked.perceptual == "auto" else {}
    return replace(loss, perceptual=choice.kind), notes
