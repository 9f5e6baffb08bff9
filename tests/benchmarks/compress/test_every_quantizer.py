"""Files of every quantizer's codes, of one map and of two, are read in another process."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from zoo_codecs import NAMES, codec_of

from benchmarks.metrics.pictures import to_uint8, to_unit_range
from priors.code_file import CodeFiles

ROOT = Path(__file__).parents[3]


def odd_pictures(number: int) -> list[np.ndarray]:
    """A few with sides from 1 to 70 pixels, other ones for each codec."""
    random = np.random.default_rng(number)
    return [random.integers(0, 256, (*random.integers(1, 71, 2), 3), dtype=np.uint8) for _ in range(3)]


@pytest.mark.slow
@torch.no_grad()
def test_odd_sizes_with_every_quantizer(tmp_path: Path) -> None:
    expected = {}
    for place, (backbone, quantizer) in enumerate(NAMES):
        codec = codec_of(backbone, quantizer)
        for number, picture in enumerate(odd_pictures(place)):
            name = f"{backbone}-{quantizer}-{number}"
            data = codec.encode(Image.fromarray(picture))
            (tmp_path / f"{name}.qz").write_bytes(data)
            height, width, _ = picture.shape
            stride = codec.tokenizer.strides[0]
            padding = (0, -width % stride, 0, -height % stride)
            original = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
            padded = torch.nn.functional.pad(to_unit_range(original), padding, mode="replicate")
            output = codec.tokenizer(padded)
            codes = CodeFiles(codec.tokenizer, codec.files.model).read(data).codes
            for found, own in zip(codes, output.codes, strict=True):
                assert torch.equal(found, own)
            shown = to_uint8(output.reconstruction)[0, :, :height, :width]
            expected[name] = shown.permute(1, 2, 0).numpy()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "2"}
    script = ROOT / "tests" / "support" / "zoo_codecs.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, env=environment, timeout=300)
    with np.load(tmp_path / "decoded.npz") as decoded:
        assert set(decoded) == set(expected)
        for name, picture in expected.items():
            # the other process has other threads, whose sums may round another way
            assert np.abs(decoded[name].astype(int) - picture).max() <= 1, name
