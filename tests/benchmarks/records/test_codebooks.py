"""The use of each code of a position, from stored arrays."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.records.arrays import write_arrays
from benchmarks.records.codebooks import codebook_use, mean_use
from benchmarks.records.files import RecordError


def test_from_counts(tmp_path: Path) -> None:
    write_arrays(tmp_path / "run.json", {"code_counts": np.array([[2, 0, 0, 0], [8, 8, 8, 8], [3, 1, 0, 0]])})
    use = codebook_use(tmp_path / "run.json")
    np.testing.assert_allclose(use.usage, [0.25, 1, 0.5])
    np.testing.assert_allclose(use.perplexity, [1, 4, 2 ** (0.75 * np.log2(4 / 3) + 0.25 * 2)])
    np.testing.assert_allclose(use.possible, [0.5, 1, 1])


def test_from_shares_where_nothing_was_counted(tmp_path: Path) -> None:
    shares = {"codebooks/usage": np.array([0.5, 0.25]), "codebooks/perplexity": np.array([3.0, 2.0])}
    write_arrays(tmp_path / "run.json", shares)
    use = codebook_use(tmp_path / "run.json")
    np.testing.assert_array_equal(use.usage, [0.5, 0.25])
    np.testing.assert_array_equal(use.perplexity, [3, 2])
    assert np.isnan(use.possible).all()
    mean = mean_use([use, use._replace(usage=np.array([1.0, 0.25]))])
    np.testing.assert_array_equal(mean.usage, [0.75, 0.25])


def test_without_any_and_damaged(tmp_path: Path) -> None:
    assert codebook_use(tmp_path / "run.json") is None
    write_arrays(tmp_path / "run.json", {"image/psnr": np.ones(3)})
    assert codebook_use(tmp_path / "run.json") is None
    (tmp_path / "run.npz").write_bytes(b"no zip")
    with pytest.raises(RecordError, match="not a readable file"):
        codebook_use(tmp_path / "run.json")
