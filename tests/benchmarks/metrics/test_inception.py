"""Files of the FID Inception network."""

import pickle

import pytest

from benchmarks.metrics.inception import Inception


@pytest.mark.parametrize("content", [b"", b"not a zip", pickle.dumps({"a": 1}, protocol=2)])
def test_a_file_that_is_not_inception(tmp_path, content):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(ValueError, match="does not hold the weights"):
        Inception(tmp_path / "file.pth")
