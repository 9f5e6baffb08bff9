"""The MDCT against its formula."""

import math

import numpy as np
import pytest
import torch

from autoencoders.audio.mdct import MDCT


@pytest.mark.parametrize(("block", "blocks"), [(2, 1), (2, 5), (8, 1), (8, 2), (320, 7)])
def test_it_is_a_rotation_and_its_inverse_gives_all_back(block: int, blocks: int) -> None:
    signal = torch.randn(3, 2, block * blocks, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mdct = MDCT(block).double()
    coefficients = mdct(signal)
    assert coefficients.shape == (3, 2, blocks, block)
    torch.testing.assert_close(mdct.inverse(coefficients), signal, rtol=0, atol=1e-12)
    torch.testing.assert_close((coefficients**2).sum(), (signal**2).sum())


def test_inner_blocks_are_the_textbook_windowed_sum() -> None:
    block = 16
    signal = np.random.default_rng(0).standard_normal(5 * block)
    found = MDCT(block).double()(torch.tensor(signal)).numpy()
    n = np.arange(2 * block)
    window = np.sin(math.pi / (2 * block) * (n + 0.5))
    for number in (1, 2, 3):
        part = window * signal[number * block - block // 2 : (number + 1) * block + block // 2]
        for k in range(block):
            basis = np.cos(math.pi / block * (n - block / 2 + 0.5) * (k + 0.5))
            assert found[number, k] == pytest.approx(math.sqrt(2 / block) * part @ basis, abs=1e-12)


def test_a_tone_is_in_few_coefficients() -> None:
    tone = torch.sin(torch.arange(3200) * 0.3)
    power = MDCT(320)(tone)[2:-2] ** 2
    assert power.sort(-1, descending=True).values[:, :6].sum() > 0.99 * power.sum()
