"""The range coder: what goes in comes out, in hardly more bytes than it takes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from priors.entropy_coding import BitsError, Reader, Writer


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(2, 600), st.sampled_from([0.1, 2.0, 8.0]))
def test_symbols_come_back_in_less_than_a_byte_more_than_their_information(
    seed: int, count: int, values: int, spread: float
) -> None:
    random = np.random.default_rng(seed)
    weights = np.floor(2**24 * 2.0 ** -random.exponential(spread, size=(count, values)))
    weights[:, 0] += 1
    shares = weights / weights.sum(1, keepdims=True)
    each = np.array([random.choice(values, p=row) for row in shares], np.int64)
    uniform = random.integers(0, 2**40, size=3)
    alike = random.integers(0, values, size=count)
    writer = Writer()
    writer.each(each, weights)
    writer.uniform(uniform, 3, 2**40)
    writer.alike(alike, count, np.ones(values))
    data = writer.to_bytes()
    reader = Reader(data)
    np.testing.assert_array_equal(reader.each(None, weights), each)
    np.testing.assert_array_equal(reader.uniform(None, 3, 2**40), uniform)
    np.testing.assert_array_equal(reader.alike(None, count, np.ones(values)), alike)
    bits = -np.log2(shares[np.arange(count), each]).sum() + 3 * 40 + count * np.log2(values)
    assert len(data) <= bits / 8 * 1.0001 + 1


@pytest.mark.parametrize("size", [1, 2, 1000, 2**16, 2**16 + 1, 10**9 + 7, 2**62])
def test_uniform_symbols_of_any_size(size: int) -> None:
    symbols = np.random.default_rng(0).integers(0, size, 2000)
    symbols[:2] = 0, size - 1
    writer = Writer()
    assert writer.uniform(symbols, 2000, size) is not None
    data = writer.to_bytes()
    np.testing.assert_array_equal(Reader(data).uniform(None, 2000, size), symbols)
    assert len(data) <= 2000 * np.log2(size) / 8 * 1.001 + 1


def test_nothing_takes_no_bytes() -> None:
    assert Writer().to_bytes() == b""


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_something_or_refused_and_never_for_ever(data: bytes) -> None:
    try:
        assert len(Reader(data).alike(None, 1000, np.ones(10))) == 1000
    except BitsError:
        return


def test_bits_that_nobody_writes_are_refused() -> None:
    with pytest.raises(BitsError):
        Reader(b"\xff" * 9).alike(None, 1000, np.ones(10))
