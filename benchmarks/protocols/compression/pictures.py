"""A picture as a file of codes, and back."""

from __future__ import annotations

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from benchmarks.data.transforms import to_rgb, to_tensor
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.protocols.compression.tokenizer_codec import WholeCodec

GREY = 1
"""The mark of a grey picture."""


class PictureCodec(WholeCodec[Image.Image]):
    """Pictures of any size as bytes, by a tokenizer of RGB pictures.

    A picture is taken as a viewer shows it (`to_rgb`): transparency is laid over white, and stays so; grey ones are
    coded as colour and come back grey. It goes on beyond its right and lower edges as it ends there, up to the
    tokenizer's strides. ValueError on pixels without an agreed white level.
    """

    def given(self, item: Image.Image) -> tuple[Float[Tensor, "1 3 h w"], tuple[int, ...], int]:
        grey = item.mode in ("1", "L", "LA", "La") or item.mode.startswith("I")
        rgb = to_tensor(to_rgb(item)).unsqueeze(0).to(self.device)
        return to_unit_range(rgb), tuple(rgb.shape[2:]), GREY if grey else 0

    def shown(self, signal: Float[Tensor, "1 3 h w"], mark: int) -> Image.Image:
        picture = Image.fromarray(to_uint8(signal)[0].permute(1, 2, 0).cpu().numpy())
        return picture.convert("L") if mark & GREY else picture
