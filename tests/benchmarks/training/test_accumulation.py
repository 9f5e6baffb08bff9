"""A batch that passes the networks in parts."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from accelerate.state import AcceleratorState
from smoke_training import smoke_batches, smoke_trainer, state_of
from torch import Tensor

from autoencoders import PictureBackboneName
from benchmarks.training.presets import preset_settings
from quantizers import list_quantizers


def _trained_in_parts(parts: int, backbone: PictureBackboneName, quantizer: str) -> dict[str, Tensor]:
    """After three steps: the start on a first batch, statistics of more than one, revived codes, batch entropies."""
    own = preset_settings("smoke", backbone)
    train = replace(own.train, images=48, batch_size=16, weight_ema=0.0, learning_rate=1e-5, accumulation=parts)
    AcceleratorState._reset_state(reset_partial_state=True)
    settings = replace(own, train=train, loss=replace(own.loss, gan="none"))
    trainer = smoke_trainer(settings, quantizer)
    trainer.fit(iter(smoke_batches(settings)))
    assert trainer.history[-1]["images_per_second"] > 0
    return state_of(trainer) | {name: torch.tensor(value) for name, value in trainer.history[-1].items()}


@pytest.mark.parametrize(
    ("backbone", "quantizer"),
    [
        *[("vqgan", entry.name) for entry in list_quantizers()],
        *[(backbone, "vq-ema") for backbone in get_args(PictureBackboneName) if backbone != "vqgan"],
    ],
)
def test_a_batch_in_parts_trains_as_a_whole_one(backbone: PictureBackboneName, quantizer: str) -> None:
    whole, parts = (_trained_in_parts(parts, backbone, quantizer) for parts in (1, 4))
    for name, tensor in whole.items():
        if name != "images_per_second":
            torch.testing.assert_close(parts[name], tensor, rtol=1e-3, atol=1e-5, msg=f"{name}: {{}}".format)
