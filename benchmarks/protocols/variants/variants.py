"""Named settings of the reconstruction protocol, so that a figure in a paper can be traced to what was computed.

A variant is the protocol with some choices changed: one of them, or all those of a paper's own program. Each has a
version, which is raised whenever its numbers would change. What a program does that no choice here covers (its test
set, its reference statistics, pictures that it enlarges, LPIPS or FID weights from elsewhere) is not the variant's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoencoders.pictures.perceptual import LPIPS_BACKBONES
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.variants.crops import CROPS
from benchmarks.protocols.variants.forms import CHANNELS, MS_SSIM_FORMS, PSNR_FORMS, SSIM_FORMS
from benchmarks.protocols.variants.inception import INCEPTION_INPUTS
from benchmarks.protocols.variants.levels import LEVELS


@dataclass(frozen=True)
class Variant:
    """The choices behind the numbers of a reconstruction; the defaults are the protocol's own.

    Raises:
        ValueError: a choice that is not known.
    """

    crop: str = "protocol"
    """From the whole picture to a square, of `CROPS`."""
    levels: str = "nearest"
    """Rounding of what PSNR, SSIM, MS-SSIM and SWD compare, of `LEVELS`."""
    lpips_levels: str = "nearest"
    """The same of what LPIPS is shown."""
    rfid_levels: str = "nearest"
    """The same of what Inception is shown."""
    channels: str = "rgb"
    """Of PSNR, SSIM and MS-SSIM, of `CHANNELS`."""
    psnr: str = "mean of decibels"
    """Of `PSNR_FORMS`."""
    ssim: str = "gaussian"
    """Of `SSIM_FORMS`."""
    ms_ssim: str = "torchmetrics"
    """Of `MS_SSIM_FORMS`."""
    lpips: str = "vgg"
    """Backbone, of `LPIPS_BACKBONES`."""
    inception: str = "tensorflow"
    """Resize to Inception's 299 x 299 pixels, of `INCEPTION_INPUTS`."""
    source: str = ""
    """Whose program does so: repository and files."""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} of a variant is one of {', '.join(choices)}, not {getattr(self, name)!r}")

    def changes(self) -> dict[str, str]:
        """The choices that are not the protocol's."""
        return {name: getattr(self, name) for name in CHOICES if getattr(self, name) != getattr(DEFAULT, name)}


CHOICES: Mapping[str, Mapping[str, object]] = {
    "crop": CROPS,
    "levels": LEVELS,
    "lpips_levels": LEVELS,
    "rfid_levels": LEVELS,
    "channels": CHANNELS,
    "psnr": PSNR_FORMS,
    "ssim": SSIM_FORMS,
    "ms_ssim": MS_SSIM_FORMS,
    "lpips": LPIPS_BACKBONES,
    "inception": INCEPTION_INPUTS,
}
"""Every choice and what it may be."""

DEFAULT = Variant(source="benchmarks/protocols/reconstruction.md")


def _levels(name: str) -> dict[str, str]:
    return dict.fromkeys(("levels", "lpips_levels", "rfid_levels"), name)


SINGLE_CHOICES: Mapping[str, Variant] = {
    "adm-crop/1": Variant(crop="adm", source="openai/guided-diffusion: guided_diffusion/image_datasets.py"),
    "bicubic-crop/1": Variant(crop="bicubic", source="bytedance/1d-tokenizer: data/webdataset_reader.py"),
    "bilinear-crop/1": Variant(
        crop="bilinear", source="kakaobrain/rq-vae-transformer: rqvae/img_datasets/transforms.py"
    ),
    "lanczos-crop/1": Variant(
        crop="lanczos",
        source="zhaoyue-zephyrus/bsq-vit: scripts/main_image_tokenizer.py, configs/tokenizer (interpolation)",
    ),
    "lanczos-zoom-crop/1": Variant(crop="lanczos-zoom", source="FoundationVision/VAR: utils/data.py"),
    "aliased-crop/1": Variant(crop="opencv", source="CompVis/taming-transformers: taming/data/base.py"),
    "squash/1": Variant(crop="squash", source="AILab-CVC/SEED: MultiModalLLM/src/tokenizer/seed_llama_tokenizer.py"),
    "half-up/1": Variant(
        **_levels("half-up"), source="FoundationVision/LlamaGen: tokenizer/tokenizer_image/reconstruction_vq_ddp.py"
    ),
    "truncated/1": Variant(**_levels("truncated"), source="markweberdev/maskbit: evaluator/evaluator.py (rFID)"),
    "both-truncated/1": Variant(
        **_levels("both-truncated"), source="CompVis/taming-transformers: scripts/make_samples.py"
    ),
    "float/1": Variant(**_levels("float"), source="kakaobrain/rq-vae-transformer: rqvae/metrics/fid.py"),
    "unclamped/1": Variant(
        **_levels("unclamped"),
        source="zhaoyue-zephyrus/bsq-vit: scripts/evaluate_public_tokenizer.py, transcoder/tokenizers/vqgan/vqgan.py",
    ),
    "luma/1": Variant(channels="luma", source="XPixelGroup/BasicSR: basicsr/metrics/psnr_ssim.py (test_y_channel)"),
    "psnr-of-mean/1": Variant(
        psnr="decibels of mean", source="Lightning-AI/torchmetrics: PeakSignalNoiseRatio without dim"
    ),
    "uniform-ssim/1": Variant(ssim="uniform", source="TencentARC/SEED-Voken: evaluation_image.py (scikit-image)"),
    "double-range-ssim/1": Variant(
        ssim="uniform, double range",
        source="FoundationVision/LlamaGen: tokenizer/tokenizer_image/reconstruction_vq_ddp.py (data_range=2.0)",
    ),
    "bordered-ssim/1": Variant(ssim="gaussian with border", source="markweberdev/maskbit: evaluator/evaluator.py"),
    "ms-ssim-by-channel/1": Variant(
        ms_ssim="by channel", source="zhaoyue-zephyrus/bsq-vit: transcoder/evaluations/ssim.py (pytorch-msssim)"
    ),
    "alex-lpips/1": Variant(lpips="alex", source="zhaoyue-zephyrus/bsq-vit: transcoder/evaluations/lpips.py"),
    "clean-fid/1": Variant(inception="clean-fid", source="GaParmar/clean-fid: cleanfid/resize.py"),
    "pytorch-fid/1": Variant(inception="pytorch-fid", source="mseitzer/pytorch-fid: src/pytorch_fid/inception.py"),
}
"""The protocol with one choice changed, and one program that chooses so. A rounding is one choice for all metrics."""

PAPERS: Mapping[str, Variant] = {
    "vqgan/1": Variant(
        crop="opencv",
        **_levels("both-truncated"),
        source="CompVis/taming-transformers: taming/data/base.py, scripts/make_samples.py, README.md (torch-fidelity)",
    ),
    "rq-vae/1": Variant(
        crop="bilinear",
        **_levels("float"),
        inception="pytorch-fid",
        source="kakaobrain/rq-vae-transformer: rqvae/img_datasets/transforms.py, rqvae/metrics/fid.py",
    ),
    "llamagen/1": Variant(
        crop="adm",
        **_levels("half-up"),
        ssim="uniform, double range",
        source="FoundationVision/LlamaGen: tokenizer/tokenizer_image/reconstruction_vq_ddp.py, "
        "evaluations/c2i/evaluator.py",
    ),
    "titok/1": Variant(
        crop="bicubic",
        source="bytedance/1d-tokenizer: data/webdataset_reader.py, utils/train_utils.py, evaluator/evaluator.py",
    ),
    "open-magvit2/1": Variant(
        crop="opencv",
        levels="both-truncated",
        lpips_levels="float",
        rfid_levels="float",
        ssim="uniform",
        inception="pytorch-fid",
        source="TencentARC/SEED-Voken: src/Open_MAGVIT2/data/imagenet.py, evaluation_image.py, metrics/inception.py",
    ),
    "maskbit/1": Variant(
        crop="bilinear",
        levels="float",
        lpips_levels="float",
        rfid_levels="truncated",
        ssim="gaussian with border",
        source="markweberdev/maskbit: data/webdataset_reader.py, configs/tokenizer, evaluator/evaluator.py",
    ),
    "bsq-vit/1": Variant(
        crop="lanczos",
        **_levels("float"),
        ms_ssim="by channel",
        lpips="alex",
        inception="pytorch-fid",
        source="zhaoyue-zephyrus/bsq-vit: scripts/main_image_tokenizer.py, configs/tokenizer, "
        "transcoder/models/bsqvit.py (clamps), transcoder/evaluations",
    ),
}
"""The whole settings of papers' own programs; a form of a metric that theirs has not is the protocol's."""

VARIANTS: Mapping[str, Variant] = {PROTOCOL: DEFAULT, **SINGLE_CHOICES, **PAPERS}
"""Every variant by name and version, the protocol itself first."""


def find_variant(name: str) -> tuple[str, Variant]:
    """A variant and its full name by that name with or without its version.

    Raises:
        ValueError: there is none.
    """
    for full, variant in VARIANTS.items():
        if name in (full, full.partition("/")[0]):
            return full, variant
    raise ValueError(f"there is no variant {name} of the protocol; there are {', '.join(VARIANTS)}")
