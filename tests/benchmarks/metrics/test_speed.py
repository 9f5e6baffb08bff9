"""Speed and memory of a tokenizer."""

import sys

import pytest
import torch
from photograph_batches import photographs

from autoencoders import BlockMean
from benchmarks.metrics.speed import measure_speed, peak_memory_growth


def test_speed_of_each_part():
    result = measure_speed(BlockMean(8).eval(), photographs(), "cpu")
    for part in ("encode", "quantize", "decode"):
        assert result[f"{part}_images_per_second"] > 0
    assert result["batch_size"] == 12


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark can be reset only on Linux")
def test_peak_memory_sees_what_was_taken_and_given_back():
    growth = peak_memory_growth(lambda: torch.ones(25_000_000).sum(), torch.device("cpu"))
    assert 95e6 < growth < 130e6
    assert peak_memory_growth(lambda: None, torch.device("cpu")) < 20e6
