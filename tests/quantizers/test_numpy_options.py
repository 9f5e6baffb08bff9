"""Options from NumPy (a sweep's `np.arange`, a size read from an array) make the quantizer that Python's make."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from quantizers import Quantizer, create_quantizer, list_quantizers, quantizer_options

NAMES = [registration.name for registration in list_quantizers()]

SMALL: dict[str, dict[str, Any]] = {
    "fvq": {"dim": 4, "codebook_size": 64, "patch_size": 16, "hidden_dim": 16},
    "ibq": {"dim": 4, "codebook_size": 64},
    "multi-scale": {"dim": 4, "codebook_size": 64},
    "pq": {"dim": 4},
    "simvq": {"dim": 4, "codebook_size": 64},
    "vq-cosine": {"dim": 4, "codebook_size": 64},
}


def from_numpy(value: object) -> object:
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, tuple):
        return tuple(map(from_numpy, value))
    return np.int64(value) if isinstance(value, int) else np.float32(value)


def settings(name: str) -> dict[str, Any]:
    defaults = {key: parameter.default for key, parameter in quantizer_options(name).items()}
    return {**defaults, **SMALL.get(name, {})}


def attributes(quantizer: Quantizer) -> list[Mapping[str, object]]:
    """All plain attributes of all parts; floats to the digits that float32 has."""
    return [
        {
            key: (type(value), pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)
            for key, value in vars(part).items()
            if isinstance(value, int | float | str | tuple | np.generic) and not key.startswith("_")
        }
        for part in quantizer.modules()
    ]


@pytest.mark.parametrize("name", NAMES)
def test_options_from_numpy(name: str) -> None:
    options = settings(name)
    torch.manual_seed(0)
    plain = create_quantizer(name, **options)
    torch.manual_seed(0)
    made = create_quantizer(name, **{key: from_numpy(value) for key, value in options.items()})
    assert attributes(made) == attributes(plain)
    z = torch.randn(2, plain.dim, 4, 4)
    assert torch.equal(made.eval()(z).codes, plain.eval()(z).codes)


@pytest.mark.parametrize("name", NAMES)
def test_bits_from_numpy(name: str) -> None:
    made, plain = create_quantizer(name, bits=np.int64(8)), create_quantizer(name, bits=8)
    assert attributes(made) == attributes(plain)


@pytest.mark.parametrize("value", [np.float64(4), np.True_, "4", np.array([4])])
def test_what_is_no_integer_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="codebook_size must be an integer"):
        create_quantizer("vq", codebook_size=value)
