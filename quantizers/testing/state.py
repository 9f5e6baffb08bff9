"""State: what eval mode leaves alone, what a checkpoint carries."""

import copy
import tempfile
from pathlib import Path

import torch

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, expect_equal_states, latent, snapshot, trained


def _expect_same_continuation(first: Quantizer, second: Quantizer, what: str) -> None:
    """The two quantize alike in eval mode, and a training step changes them alike."""
    for training in (False, True):
        outputs = []
        for quantizer in (first, second):
            torch.manual_seed(7)
            outputs.append(quantizer.train(training)(latent(quantizer, 5, 3)))
        mode = "training" if training else "eval"
        expect(torch.equal(outputs[0].codes, outputs[1].codes), f"{what}: codes differ in {mode} mode")
        expect(torch.equal(outputs[0].quantized, outputs[1].quantized), f"{what}: outputs differ in {mode} mode")
    expect_equal_states(snapshot(first), snapshot(second), f"{what}: a training step differs")


@contract_line("eval mode changes no buffer and no parameter")
def check_eval_mode(make: Make) -> None:
    for quantizer in (make().eval(), trained(make).eval()):
        before = snapshot(quantizer)
        quantizer.decode(quantizer(latent(quantizer, 5, 3)).codes)
        expect_equal_states(before, snapshot(quantizer), "eval mode changed")


@contract_line("state_dict round trip into a fresh quantizer")
def check_state_dict(make: Make) -> None:
    quantizer, fresh = trained(make), make()
    fresh.load_state_dict(quantizer.state_dict())
    _expect_same_continuation(quantizer, fresh, "after load_state_dict")


@contract_line("state_dict round trip through a safetensors file")
def check_safetensors(make: Make) -> None:
    try:
        from safetensors.torch import load_file, save_file
    except ImportError as error:
        raise ImportError("the safetensors check needs the package safetensors: pip install safetensors") from error
    quantizer, fresh = trained(make), make()
    if not quantizer.state_dict():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "quantizer.safetensors")
        save_file(quantizer.state_dict(), path)
        fresh.load_state_dict(load_file(path))
    _expect_same_continuation(quantizer, fresh, "after safetensors")


@contract_line("copy.deepcopy gives an equal and independent quantizer")
def check_deepcopy(make: Make) -> None:
    quantizer = trained(make)
    twin = copy.deepcopy(quantizer)
    before = snapshot(twin)
    quantizer(latent(quantizer, 5, 3))
    expect_equal_states(before, snapshot(twin), "training the original changed its copy")
    _expect_same_continuation(twin, copy.deepcopy(twin), "after deepcopy")
