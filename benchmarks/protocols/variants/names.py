"""What tables of variants know of them."""

from __future__ import annotations

from collections.abc import Mapping

METRICS: Mapping[str, tuple[str, ...]] = {
    "psnr": ("levels", "channels", "psnr"),
    "ssim": ("levels", "channels", "ssim"),
    "ms_ssim": ("levels", "channels", "ms_ssim"),
    "lpips": ("lpips_levels", "lpips"),
    "rfid": ("rfid_levels", "inception"),
    "swd": ("levels",),
}
"""The choices that each metric depends on besides the crop, that of its levels first."""

PAPERS = ("vqgan/1", "rq-vae/1", "llamagen/1", "titok/1", "open-magvit2/1", "maskbit/1", "bsq-vit/1")
"""The variants that papers' own programs make; the others change one choice each."""
