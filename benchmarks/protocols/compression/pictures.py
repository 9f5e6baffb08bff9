"""A picture as a file of codes, and back."""

from __future__ import annotations

from PIL import Image

from autoencoders import Tokenizer
from autoencoders.extents import decode_any, encode_any
from benchmarks.data.transforms import to_rgb, to_tensor
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from priors.code_file import CodeFiles, Signal
from priors.code_models import CodeModel

SUFFIX = ".qz"
"""Of a picture's codes in a file."""

GREY = 1
"""The mark of a grey picture."""


class PictureCodec:
    """Pictures of any size as bytes: their codes under a tokenizer, entropy-coded under a model of them.

    A picture is taken as a viewer shows it (`to_rgb`): transparency is laid over white, and stays so; grey ones are
    coded as colour and come back grey. It goes on beyond its right and lower edges as it ends there, up to the
    tokenizer's strides, and is cut again. Above 2^20 pixels it is coded in tiles.

    Args:
        tokenizer: of RGB pictures, in eval mode.
        model: of its codes.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel) -> None:
        self.tokenizer, self.files = tokenizer, CodeFiles(tokenizer, model)
        self.device = next((tensor.device for tensor in tokenizer.state_dict().values()), None)

    def encode(self, picture: Image.Image) -> bytes:
        """The picture's file. ValueError on pixels without an agreed white level."""
        return self.files.write(self.signal(picture))

    def signal(self, picture: Image.Image) -> Signal:
        """What the file of a picture holds. ValueError as `encode`."""
        grey = picture.mode in ("1", "L", "LA", "La") or picture.mode.startswith("I")
        rgb = to_tensor(to_rgb(picture)).unsqueeze(0)
        signal = to_unit_range(rgb.to(self.device)).to(self.tokenizer.dtype)
        with full_float32():
            codes = encode_any(self.tokenizer, signal)
        return Signal(codes, tuple(rgb.shape[2:]), GREY if grey else 0)

    def decode(self, data: bytes) -> Image.Image:
        """The picture of a file. CodeFileError on one that is not of this codec, or not whole."""
        codes, extent, mark = self.files.read(data)
        with full_float32():
            images = decode_any(self.tokenizer, [found.to(self.device) for found in codes], extent)
        picture = Image.fromarray(to_uint8(images)[0].permute(1, 2, 0).cpu().numpy())
        return picture.convert("L") if mark & GREY else picture
