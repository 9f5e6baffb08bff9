"""The contract at shapes, layouts, dtypes and options that hypothesis chooses, on every quantizer of the registry."""

from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from quantizers import create_quantizer, list_quantizers, quantizer_options
from quantizers.testing.contract import latent, trained
from quantizers.testing.decoding import expect_decodes
from quantizers.testing.shapes import expect_output

NAMES = [registration.name for registration in list_quantizers()]

SMALL = {
    "bits": 5,
    "codebook_size": 24,
    "depth": 1,
    "dim": 4,
    "hidden_dim": 8,
    "levels": (5, 4, 3),
    "patch_size": 4,
    "scales": (1, 2, 3),
}

weights = st.sampled_from([0.0, 0.3, 1.0])
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])
temperatures = st.sampled_from([0.01, 0.5, 1.0, 10.0])

OPTIONS = {
    "base": st.sampled_from(NAMES),
    "beam": st.integers(1, 4),
    "beta": weights,
    "bits": st.integers(1, 24),
    "codebook_size": st.integers(1, 40),
    "codes_per_position": st.integers(1, 4),
    "commitment_weight": weights,
    "dead_threshold": shares,
    "decay": shares,
    "depth": st.integers(1, 2),
    "dim": st.integers(1, 6),
    "diversity_gamma": weights,
    "dropout": shares,
    "entropy_temperature": temperatures,
    "entropy_weight": weights,
    "eps": st.sampled_from([1e-8, 1e-5, 1e-2]),
    "estimator": st.sampled_from(["straight-through", "rotation"]),
    "groups": st.integers(1, 3),
    "hidden_dim": st.sampled_from([4, 8, 12]),
    "inverse_temperature": temperatures,
    "kl_warmup": shares,
    "kl_weight": weights,
    "kmeans_iterations": st.integers(0, 3),
    "lam_factor": st.sampled_from([1.0, 1.01, 2.0]),
    "lambda_bins": weights,
    "lambda_peak": weights,
    "levels": st.lists(st.integers(2, 9), min_size=1, max_size=5).map(tuple),
    "one_hot": st.booleans(),
    "orthogonality_weight": weights,
    "patch_size": st.sampled_from([None, 1, 2, 4]),
    "phi_weight": shares,
    "phis": st.integers(0, 3),
    "scales": st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(sorted).map(tuple),
    "shared": st.booleans(),
    "slope": st.sampled_from([0.1, 0.8, 1.0, 3.0]),
    "tau_end": temperatures,
    "tau_start": temperatures,
    "temperature": st.sampled_from([0.0, 0.5]),
    "temperature_end": temperatures,
    "temperature_start": temperatures,
    "temperature_until": st.sampled_from([0.25, 1.0]),
    "tolerance": weights,
    "variance": st.sampled_from([0.0, 1e-3]),
}
"""Values by the option's name, which means the same in all methods."""

few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def test_all_options_are_drawn():
    named = {option for name in NAMES for option in quantizer_options(name)}
    assert named - {"base"} <= OPTIONS.keys()


def small(name):
    return create_quantizer(name, **{key: SMALL[key] for key in quantizer_options(name) if key in SMALL})


small_and_trained = cache(lambda name: trained(lambda: small(name)))


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_any_shape_layout_and_dtype(name, training, data):
    quantizer = small_and_trained(name).train(training)
    batch, *spatial = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4), label="shape")
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]), label="dtype")
    z = latent(quantizer, *spatial, batch=batch, dtype=dtype)
    order = data.draw(st.permutations(range(z.ndim)), label="layout")
    laid_out = z.permute(*order).contiguous().permute(*sorted(range(z.ndim), key=order.__getitem__))
    out = quantizer(laid_out)
    expect_output(quantizer, z, out, "drawn input")
    if not training:
        assert torch.equal(out.codes, quantizer(z).codes)
        if dtype != torch.float64:
            expect_decodes(quantizer, out)


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_any_options(name, data):
    options = {key: data.draw(OPTIONS[key], label=key) for key in quantizer_options(name) if key != "base"}
    try:
        quantizer = create_quantizer(name, **options).train()
    except ValueError as error:  # options that exclude each other; the message names one
        assume(not any(key in str(error) for key in options))
        raise
    z = latent(quantizer, 3, batch=3).requires_grad_()
    out = quantizer(z)
    expect_output(quantizer, z, out, f"{name} with {options}, training")
    (out.quantized.sum() + out.loss).backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    quantizer.eval()
    expect_decodes(quantizer, quantizer(z))
    assert quantizer.bits_per_position >= 0
