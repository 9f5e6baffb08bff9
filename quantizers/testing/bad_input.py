"""Bad input: a `ValueError` that names the argument, never a silent wrong answer."""

from collections.abc import Callable
from functools import partial

import torch

from quantizers.testing.contract import Make, contract_line, expect, expect_equal, latent, snapshot, trained


def expect_value_error(call: Callable[[], object], argument: str, what: str) -> None:
    """Raise `ContractError` unless the call raises a `ValueError` that names the argument."""
    try:
        call()
    except ValueError as error:
        expect(argument in str(error), f"{what}: the message does not name {argument!r}: {error}")
    except Exception as error:
        expect(False, f"{what}: {type(error).__name__} instead of ValueError: {error}")
    else:
        expect(False, f"{what}: accepted")


@contract_line("channel count, axes, dtype, NaN and infinity give a ValueError naming z")
def check_bad_latent(make: Make) -> None:
    quantizer = trained(make)
    z = latent(quantizer, 4, 4)
    not_a_number, infinite = z.clone(), z.clone()
    not_a_number[1, 0, 2, 3], infinite[0, -1, 1, 1] = torch.nan, -torch.inf
    bad = {
        "one channel more": torch.cat([z, z[:, :1]], 1),
        "no channel axis": z[0, :, 0, 0],
        "four spatial axes": z[..., None, None],
        "integers": z.long(),
        "complex numbers": torch.complex(z, z),
        "NaN": not_a_number,
        "infinity": infinite,
    }
    before = snapshot(quantizer)
    for training in (True, False):
        quantizer.train(training)
        for what, value in bad.items():
            expect_value_error(partial(quantizer, value), "z", what)
    expect_equal(before, snapshot(quantizer), "bad input changed")


@contract_line("codes out of range, of a wrong dtype or shape give a ValueError naming codes")
def check_bad_codes(make: Make) -> None:
    quantizer = trained(make).eval()
    codes = quantizer(latent(quantizer, 4, 4)).codes
    bad = {
        "a negative code": torch.full_like(codes, -1),
        "code codebook_size": torch.full_like(codes, quantizer.codebook_size),
        "float codes": codes.float(),
        "int32 codes": codes.int(),
        "one code more": torch.cat([codes, codes[:, :1]], 1),
        "no code axis": codes[0, 0, 0],
    }
    for what, value in bad.items():
        expect_value_error(partial(quantizer.decode, value), "codes", what)
