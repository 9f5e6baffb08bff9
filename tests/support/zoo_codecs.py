"""A codec of every quantizer on small backbones that equal seeds make equal in every process, and what one of them says
of files: `python zoo_codecs.py FOLDER` decodes those that lie there, with as many threads as OMP_NUM_THREADS says."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from small_backbones import SMALL

from autoencoders import code_maps_of, create_tokenizer
from benchmarks.protocols.compression.pictures import PictureCodec
from priors.code_models import FixedLength
from quantizers import create_quantizer, list_quantizers

NAMES = [
    (backbone, about.name) for about in list_quantizers() for backbone in ("vqgan", "vqvae2") if about.name != "none"
]
"""Of one map of codes, and of two."""


def codec_of(backbone: str, quantizer: str) -> PictureCodec:
    torch.manual_seed(0)
    config = SMALL[backbone]
    quantizers = [create_quantizer(quantizer, bits=8) for _ in code_maps_of(config)]
    return PictureCodec(create_tokenizer(config, quantizers).eval(), FixedLength())


def decoded(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures of all files by name."""
    for backbone, quantizer in NAMES:
        codec = codec_of(backbone, quantizer)
        for file in sorted(folder.glob(f"{backbone}-{quantizer}-[0-9]*.qz")):
            yield file.stem, np.asarray(codec.decode(file.read_bytes()))


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]) / "decoded.npz", **dict(decoded(Path(sys.argv[1]))))
