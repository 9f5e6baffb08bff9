"""Ways from a whole picture to the square that a tokenizer sees, as the field's evaluations have them.

Each takes an RGB picture and a side in pixels, and gives the square in 8 bits. All refuse a picture with a shorter
side, so that every rule sees the same pictures; the authors' programs enlarge it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch.nn.functional as F
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from benchmarks.data.transforms import centre_crop, require_size, scaled_size, to_tensor

Crop = Callable[[Image.Image, int], UInt8[Tensor, "3 size size"]]


def protocol(picture: Image.Image, size: int) -> UInt8[Tensor, "3 size size"]:
    """The protocol's own: short side to `size` (Pillow, bicubic, antialiased), centre."""
    return to_tensor(centre_crop(picture, size))


def adm(picture: Image.Image, size: int) -> UInt8[Tensor, "3 size size"]:
    """Halved by 2 x 2 means while the short side is at least twice `size`, then as the protocol.

    `center_crop_arr` of openai/guided-diffusion, guided_diffusion/image_datasets.py.
    """
    require_size(picture, size)
    while min(picture.size) >= 2 * size:
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
    return protocol(picture, size)


def torchvision(
    picture: Image.Image, size: int, resampling: Image.Resampling, zoom: float = 1.0
) -> UInt8[Tensor, "3 size size"]:
    """torchvision's Resize to `zoom` times `size` and CenterCrop on a Pillow picture (antialiased whatever the filter).

    The long side is rounded down, and half an odd margin to the nearest even pixel.
    """
    require_size(picture, size)
    short = round(zoom * size)
    width, height = (int(short * side / min(picture.size)) for side in picture.size)
    resized = picture.resize((width, height), resampling)
    left, top = (round((side - size) / 2) for side in resized.size)
    return to_tensor(resized.crop((left, top, left + size, top + size)))


def opencv(picture: Image.Image, size: int) -> UInt8[Tensor, "3 size size"]:
    """Bilinear between four pixels whatever the scale, which aliases: albumentations' SmallestMaxSize by
    cv2.INTER_LINEAR and CenterCrop, to one level (OpenCV rounds its weights).

    CompVis/taming-transformers, taming/data/base.py.
    """
    require_size(picture, size)
    width, height = scaled_size(picture, size)
    pixels = to_tensor(picture)[None].double()
    resized = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False, antialias=False)[0]
    left, top = (width - size) // 2, (height - size) // 2
    return resized[:, top : top + size, left : left + size].round().byte()


def squash(picture: Image.Image, size: int) -> UInt8[Tensor, "3 size size"]:
    """The whole picture made square (Pillow, bicubic): what is not square is distorted.

    AILab-CVC/SEED, MultiModalLLM/src/tokenizer/seed_llama_tokenizer.py.
    """
    require_size(picture, size)
    return to_tensor(picture.resize((size, size), Image.Resampling.BICUBIC))


CROPS: Mapping[str, Crop] = {
    "protocol": protocol,
    "adm": adm,
    "bicubic": partial(torchvision, resampling=Image.Resampling.BICUBIC),
    "bilinear": partial(torchvision, resampling=Image.Resampling.BILINEAR),
    "lanczos": partial(torchvision, resampling=Image.Resampling.LANCZOS),
    "lanczos-zoom": partial(torchvision, resampling=Image.Resampling.LANCZOS, zoom=1.125),
    "opencv": opencv,
    "squash": squash,
}
"""Rules of cropping by the names that variants call them."""
