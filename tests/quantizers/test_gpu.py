"""On a real GPU every quantizer of the registry does what it does on a CPU, and no step waits for the host."""

import copy
import inspect
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

import quantizers
from quantizers import create_quantizer, list_quantizers, quantizer_class
from quantizers.search import nearest_codes
from quantizers.testing.contract import latent, trained, training_step

if not torch.cuda.is_available():
    pytest.skip("PyTorch finds no GPU here", allow_module_level=True)

WIDTHS = {"dim": 8, "hidden_dim": 16}
"""Of the methods that leave their width to the user."""


def _make(name):
    cls = quantizer_class(name)
    settled = cls.options_for_bits(10)
    widths = {key: value for key, value in WIDTHS.items() if key in inspect.signature(cls).parameters}
    return partial(create_quantizer, name, bits=10, **{key: widths[key] for key in widths if key not in settled})


MAKES = {registration.name: _make(registration.name) for registration in list_quantizers()}
every_quantizer = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


@contextmanager
def _waiting_is_an_error() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _agree(codes, others):
    return (codes.cpu() == others).float().mean()


@every_quantizer
def test_eval_gives_the_codes_of_a_cpu(make):
    quantizer = trained(make).eval()
    z = latent(quantizer, 16, 16, batch=4)
    on_cpu = quantizer(z)
    on_gpu = copy.deepcopy(quantizer).cuda()
    out = on_gpu(z.cuda())
    assert _agree(out.codes, on_cpu.codes) >= 0.999  # a few lie midway between two codes, but for rounding
    torch.testing.assert_close(on_gpu.decode(on_cpu.codes.cuda()).cpu(), on_cpu.quantized, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out.loss.cpu(), on_cpu.loss, rtol=1e-2, atol=1e-5)


@every_quantizer
def test_a_training_step_has_the_gradients_of_a_cpu(make):
    quantizer = trained(make)
    z = latent(quantizer, 16, 16, batch=4)
    steps = []
    for device, seed in (("cpu", 0), ("cpu", 1), ("cuda", 0)):
        torch.manual_seed(seed)
        steps.append(training_step(copy.deepcopy(quantizer).to(device), z.to(device)))
    (out, gradients), (other, _), (on_gpu, found) = steps
    assert found.keys() == gradients.keys()
    if not torch.equal(out.quantized, other.quantized):  # random by method: a GPU draws other numbers
        assert all(gradient.isfinite().all() for gradient in found.values())
    elif torch.equal(on_gpu.codes.cpu(), out.codes):
        for name, gradient in gradients.items():
            gap = (found[name].cpu() - gradient).norm() / gradient.norm().clamp_min(1e-12)
            assert gap < 1e-3, name
    else:
        assert _agree(on_gpu.codes, out.codes) >= 0.999


@every_quantizer
def test_nothing_waits_for_the_host(make):
    quantizer = trained(make).cuda()
    z = latent(quantizer, 16, 16, batch=4).cuda()
    for is_training in (True, False):
        training_step(quantizer.train(is_training), z)
        with _waiting_is_an_error():
            out, _ = training_step(quantizer, z)
            if not is_training:
                quantizer.decode(out.codes)


@every_quantizer
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast(make, dtype):
    quantizer = trained(make).cuda()
    z = latent(quantizer, 16, 16, batch=4).cuda().to(dtype)
    with torch.autocast("cuda", dtype):
        out, gradients = training_step(quantizer, z)
    assert out.quantized.dtype == dtype
    assert out.loss.dtype == torch.float32
    assert all(gradient.isfinite().all() for gradient in gradients.values())


@pytest.mark.parametrize("name", ["fsq", "lfq", "rq", "vq-ema"])
def test_compiles_whole_in_eval_mode(name):
    quantizer = trained(MAKES[name]).cuda().eval()
    z = latent(quantizer, 16, 16, batch=4).cuda()
    compiled = torch.compile(quantizer, fullgraph=True)
    with torch.no_grad():
        assert _agree(compiled(z).codes, quantizer(z).codes.cpu()) >= 0.999


def test_a_wrong_code_is_an_assert_of_the_device():
    script = """
import torch
from quantizers import create_quantizer
quantizer = create_quantizer("vq-ema", dim=4, bits=4).cuda().eval()
quantizer.decode(torch.full((1, 1, 3), 16, device="cuda"))
torch.cuda.synchronize()
"""
    root = Path(quantizers.__file__).parents[1]
    process = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert process.returncode != 0
    assert "codes must lie in [0, 16)" in process.stderr


def test_a_large_search_is_exact_and_lean():
    rows, codes = torch.randn(65_536, 8, device="cuda"), torch.randn(262_144, 8, device="cuda")
    nearest_codes(rows[:256], codes)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = nearest_codes(rows, codes)
    assert torch.cuda.max_memory_allocated() - before < 1e9
    some = rows[::1024].double()
    distances = torch.cdist(some, codes.double(), compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.equal(found[::1024], distances.argmin(1))
