"""Averages of models, as people evaluate them: PyTorch's, with buffers."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quantizers import create_quantizer, list_quantizers
from quantizers.registry import with_dim


@pytest.mark.parametrize("decay", [0.9, 0.9995])
@pytest.mark.parametrize("name", [entry.name for entry in list_quantizers() if entry.name != "none"])
def test_the_average_of_a_quantizer_with_itself_has_its_codes(name: str, decay: float) -> None:
    torch.manual_seed(0)
    model = nn.ModuleList([nn.Linear(1, 1), create_quantizer(name, bits=12, **with_dim(name, 12, {}, 4))])
    quantizer = model[1]
    z = torch.randn(8, quantizer.dim, 16)
    quantizer(z)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    for _ in range(3):
        average.update_parameters(model)
    averaged = average.module[1].eval()
    expected, found = quantizer.eval()(z), averaged(z)
    torch.testing.assert_close(found.codes, expected.codes)
    torch.testing.assert_close(averaged.decode(found.codes), quantizer.decode(expected.codes))
