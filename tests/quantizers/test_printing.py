"""What `print(quantizer)` shows."""

import pytest

from quantizers import create_quantizer, list_quantizers
from quantizers.registry import with_dim


@pytest.mark.parametrize("name", [entry.name for entry in list_quantizers()])
def test_its_size_and_width_are_shown(name: str) -> None:
    quantizer = create_quantizer(name, bits=8, **with_dim(name, 8, {}, 16))
    first, *_ = repr(quantizer).replace("\n", " ").split(" (")
    assert f"dim={quantizer.dim}" in first
    assert f"codebook_size={quantizer.codebook_size}" in first


def test_options_are_shown_where_they_are_kept() -> None:
    assert "levels=(8, 5, 5)" in repr(create_quantizer("fsq", levels=(8, 5, 5)))
    assert "decay=0.9," in repr(create_quantizer("vq-ema", dim=4, codebook_size=8, decay=0.9))
    shown = repr(create_quantizer("rq", dim=4, codebook_size=8, codes_per_position=3, dropout=0.5))
    assert "codes_per_position=3" in shown
    assert "dropout=0.5" in shown
