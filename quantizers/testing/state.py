"""State: what eval mode leaves alone, what a checkpoint carries."""

import copy
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, expect_equal, latent, snapshot, trained


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
    expect_equal(snapshot(first), snapshot(second), f"{what}: a training step differs")


@contract_line("eval mode changes no buffer and no parameter, also under inference_mode, and trains on as before")
def check_eval_mode(make: Make) -> None:
    for quantizer in (make().eval(), trained(make).eval()):
        before, twin = snapshot(quantizer), copy.deepcopy(quantizer)
        z = latent(quantizer, 5, 3)
        quantizer.decode(quantizer(z).codes)
        with torch.inference_mode():
            quantizer.decode(quantizer(z).codes)
        expect_equal(before, snapshot(quantizer), "eval mode changed")
        _expect_same_continuation(quantizer, twin, "after eval mode")


@contract_line("eval mode draws no random number: codes, output and loss are the same under any seed")
def check_eval_seed(make: Make) -> None:
    quantizer = trained(make).eval()
    outputs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        out = quantizer(latent(quantizer, 5, 3))
        outputs.append({"codes": out.codes, "quantized": out.quantized, "loss": out.loss})
    expect_equal(outputs[0], outputs[1], "the seed changes in eval mode")


@contract_line("state_dict round trip into a quantizer that is new, and into one that has been trained")
def check_state_dict(make: Make) -> None:
    torch.manual_seed(1)
    quantizer, fresh = trained(make), make()
    fresh.load_state_dict(quantizer.state_dict())
    _expect_same_continuation(quantizer, fresh, "after load_state_dict")
    untrained = make()
    quantizer.load_state_dict(copy.deepcopy(untrained.state_dict()))
    _expect_same_continuation(untrained, quantizer, "after loading an untrained state")


@contract_line("state_dict round trip through a safetensors file")
def check_safetensors(make: Make) -> None:
    try:
        from safetensors.torch import load_file, save_file
    except ImportError as error:
        raise ImportError("the safetensors check needs the package safetensors: pip install safetensors") from error
    quantizer, fresh = trained(make), make()
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
    expect_equal(before, snapshot(twin), "training the original changed its copy")
    _expect_same_continuation(twin, copy.deepcopy(twin), "after deepcopy")


@contract_line("made on the meta device it is whole once its state is assigned, or loaded after `to_empty`")
def check_meta_device(make: Make) -> None:
    quantizer = trained(make)
    for assign in (True, False):
        with torch.device("meta"):
            made = make()
        if not assign:
            made._apply(_used_memory)  # what `to_empty` does, with the memory that it may be given
        made.load_state_dict(copy.deepcopy(quantizer.state_dict()), assign=assign)
        what = "after load_state_dict(assign=True)" if assign else "after to_empty and load_state_dict"
        left = [name for name, value in snapshot(made).items() if value.is_meta]
        expect(not left, f"{what}: still on the meta device: {', '.join(left)}")
        _expect_same_continuation(copy.deepcopy(quantizer), made, what)


def _used_memory(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, 3, device="cpu")
