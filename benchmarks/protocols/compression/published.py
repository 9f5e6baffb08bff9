"""Curves of learned codecs on Kodak that others published; nothing here is measured by this program."""

from __future__ import annotations

from typing import NamedTuple

SOURCE = (
    "InterDigitalInc/CompressAI, results/image/kodak (BSD-3-Clause-Clear), as it was in November 2026: whole files of "
    "its own ANS coder, means over the 24 pictures; VTM and ELIC as listed there"
)


class Published(NamedTuple):
    """A codec's curve.

    Attributes:
        name: of the codec.
        paper: where it comes from.
        bpp: bits per pixel.
        psnr: dB, over RGB.
        ms_ssim: over RGB, where it is listed.
    """

    name: str
    paper: str
    bpp: tuple[float, ...]
    psnr: tuple[float, ...]
    ms_ssim: tuple[float, ...] | None


KODAK = (
    Published(
        "factorized prior",
        "Ballé et al. 2018",
        (0.1226, 0.1885, 0.2878, 0.4404, 0.6481, 0.9670, 1.3512, 1.8333),
        (26.909, 28.218, 29.617, 31.277, 32.956, 35.381, 37.397, 39.621),
        (0.9100, 0.9360, 0.9555, 0.9704, 0.9807, 0.9879, 0.9922, 0.9951),
    ),
    Published(
        "scale hyperprior",
        "Ballé et al. 2018",
        (0.1313, 0.2089, 0.3199, 0.4784, 0.6687, 0.9388, 1.2592, 1.6602),
        (27.582, 29.197, 30.972, 32.838, 34.526, 36.743, 38.584, 40.557),
        (0.9174, 0.9421, 0.9611, 0.9749, 0.9836, 0.9893, 0.9929, 0.9955),
    ),
    Published(
        "joint autoregressive",
        "Minnen et al. 2018",
        (0.1105, 0.1870, 0.2877, 0.4323, 0.6388, 0.8853, 1.2004, 1.5873),
        (28.088, 29.645, 31.362, 33.086, 35.094, 36.989, 38.934, 40.639),
        (0.9207, 0.9432, 0.9628, 0.9752, 0.9836, 0.9892, 0.9929, 0.9953),
    ),
    Published(
        "attention",
        "Cheng et al. 2020",
        (0.1156, 0.1745, 0.2690, 0.4270, 0.5953, 0.8059),
        (28.431, 29.766, 31.321, 33.364, 34.949, 36.622),
        (0.9239, 0.9453, 0.9635, 0.9762, 0.9838, 0.9892),
    ),
    Published(
        "ELIC",
        "He et al. 2022",
        (0.1235, 0.1965, 0.3337, 0.4908, 0.7041, 0.8573),
        (29.113, 30.698, 32.784, 34.577, 36.488, 37.624),
        None,
    ),
    Published(
        "VTM",
        "H.266 reference software",
        (0.0482, 0.1125, 0.2458, 0.4905, 0.8748, 1.4308, 2.3246, 3.6326),
        (26.145, 28.493, 31.200, 34.262, 37.420, 40.424, 43.506, 46.592),
        (0.8606, 0.9177, 0.9561, 0.9781, 0.9888, 0.9939, 0.9969, 0.9987),
    ),
)


def published(data: str, pictures: int) -> tuple[Published, ...]:
    """Those on a set of pictures, known by its name and number."""
    return KODAK if (data, pictures) == ("kodak", 24) else ()
