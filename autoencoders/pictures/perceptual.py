"""Perceptual losses: LPIPS where its backbone's weights are at hand, MS-SSIM where not.

LPIPS: Zhang et al. 2018 (arXiv:1801.03924), by the `lpips` package, which ships its linear heads but not the
torchvision network below them. Nothing here downloads. MS-SSIM: Wang, Simoncelli and Bovik 2003, on
torchmetrics' SSIM. Both packages take a second or two to import, so that they are imported where they are used.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from storage.paths import StrPath

LPIPSNet = Literal["vgg", "alex"]
PerceptualKind = Literal["lpips", "ms-ssim", "none"]

LPIPS_BACKBONES: Mapping[str, str] = {"vgg": "vgg16-397923af.pth", "alex": "alexnet-owt-7be5be79.pth"}
"""Name of the torchvision weights below each LPIPS, as the torch hub cache keeps them."""

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang et al. 2003, section 3.2)."""

SSIM_WINDOW = 11
"""Side of SSIM's Gaussian window in pixels (Wang et al. 2004)."""


def find_lpips_backbone(net: LPIPSNet, path: StrPath | None = None) -> Path | None:
    """The file of the backbone's weights: `path` where given, else the torch hub cache's, else None.

    ValueError when `path` is given and is no file.
    """
    if path is not None:
        if not Path(path).is_file():
            raise ValueError(f"the LPIPS backbone {path} is no file; give the path of {LPIPS_BACKBONES[net]}.")
        return Path(path)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / LPIPS_BACKBONES[net]
    return cached if cached.is_file() else None


def build_lpips(net: LPIPSNet = "vgg") -> Any:
    """`lpips.LPIPS` with its published linear heads over a backbone on the meta device: a shape without weights."""
    import lpips

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.filterwarnings("ignore", message=".*(pretrained|weight enum|Arguments other)", category=UserWarning)
        model = lpips.LPIPS(pretrained=False, pnet_rand=True, net=net, verbose=False)
    model.scaling_layer = lpips.ScalingLayer()
    heads = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    for name, weight in torch.load(heads, map_location="cpu", weights_only=True).items():
        model.get_submodule(name.removesuffix(".weight")).weight = nn.Parameter(weight)
    return model.eval().requires_grad_(False)


def load_lpips(backbone: StrPath | None, net: LPIPSNet = "vgg") -> Any:
    """`lpips.LPIPS` v0.1 over the torchvision weights in `backbone` (None: the torch hub cache's), frozen.

    It takes two batches of pictures, (B, 3, H, W) in [-1, 1], and gives their distances, (B, 1, 1, 1).
    ValueError when there are no weights, or the file is broken or another network's.
    """
    found = find_lpips_backbone(net, backbone)
    if found is None:
        raise ValueError(f"LPIPS needs the backbone weights {LPIPS_BACKBONES[net]}, and the torch hub cache has none.")
    try:
        weights = torch.load(found, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the broken byte makes it stumble over
        raise ValueError(
            f"the LPIPS backbone {found} is no readable torch file ({type(error).__name__}); fetch it again."
        ) from error
    model = build_lpips(net)
    for name, expected in model.net.state_dict().items():
        key = "features." + name.split(".", 1)[1]  # slice1.0.weight is torchvision's features.0.weight
        weight = weights.get(key) if isinstance(weights, Mapping) else None
        if not isinstance(weight, Tensor) or weight.shape != expected.shape:
            came = list(weight.shape) if isinstance(weight, Tensor) else "nothing"
            raise ValueError(
                f"the LPIPS backbone {found} is not torchvision's {LPIPS_BACKBONES[net]}: "
                f"{key} must have the shape {list(expected.shape)}, got {came}."
            )
        module, parameter = name.rsplit(".", 1)
        frozen = nn.Parameter(weight.float(), requires_grad=False)
        setattr(model.net.get_submodule(module), parameter, frozen)
    return model


class LPIPSLoss(nn.Module):
    """Mean LPIPS of a batch, in fp32 whatever the autocast.

    `model` is what `load_lpips` gives. It follows this module from device to device, but is kept off its
    tree: frozen weights that lie in a file already have no place in a state dict.
    """

    model: Any

    def __init__(self, model: Any) -> None:
        super().__init__()
        object.__setattr__(self, "model", model)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "LPIPSLoss":
        self.model._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def forward(self, reconstruction: Float[Tensor, "b 3 h w"], images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
        with torch.autocast(images.device.type, enabled=False):
            ours, theirs = (
                self.model.net(self.model.scaling_layer(batch.float())) for batch in (reconstruction, images)
            )
            distances = (
                head((_unit(a) - _unit(b)).square()).mean()
                for head, a, b in zip(self.model.lins, ours, theirs, strict=True)
            )
            return torch.stack(list(distances)).sum()


def _unit(features: Tensor) -> Tensor:
    # lpips.normalize_tensor, save that the gradient where all channels are zero is zero instead of NaN
    return features / (torch.linalg.vector_norm(features, dim=1, keepdim=True) + 1e-10)


def ms_ssim_scales(side: int) -> int:
    """How many of MS-SSIM's five scales a picture with this shorter side carries; at least 1.

    The rule is torchmetrics': m scales need side // (m - 1)² > 10, so that 176 pixels have all five, 100
    four, 44 three and 12 two (the half-size picture must hold the window's padding); one scale is plain SSIM
    and needs the window's 11 pixels. ValueError below that.
    """
    if side < SSIM_WINDOW:
        raise ValueError(f"SSIM needs sides of at least its window's {SSIM_WINDOW} pixels, got {side}.")
    return max(
        scales
        for scales in range(1, len(MS_SSIM_WEIGHTS) + 1)
        if side // max(1, scales - 1) ** 2 >= SSIM_WINDOW and side // 2 ** (scales - 1) > SSIM_WINDOW // 2
    )


class MSSSIMLoss(nn.Module):
    """1 - mean MS-SSIM of a batch, in fp32, with as many scales as the size allows (`ms_ssim_scales`).

    The exponents of the scales in use are divided by their sum, so that the loss of a small picture has the
    range of a large one's. Contrast and structure below zero count as zero, without which the powers are NaN;
    the gradient there is zero.
    """

    def forward(self, reconstruction: Float[Tensor, "b 3 h w"], images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
        from torchmetrics.functional.image import structural_similarity_index_measure

        with torch.autocast(images.device.type, enabled=False):
            ours, theirs = ((batch.float() + 1) / 2 for batch in (reconstruction, images))
            scales = ms_ssim_scales(min(images.shape[-2:]))
            weights = MS_SSIM_WEIGHTS[:scales]
            score = torch.ones(len(images), device=images.device)
            for scale, weight in enumerate(weights, start=1):
                ssim, contrast = structural_similarity_index_measure(
                    ours, theirs, data_range=1.0, reduction="none", return_contrast_sensitivity=True
                )
                part = ssim if scale == scales else contrast
                score = score * F.relu(part) ** (weight / math.fsum(weights))
                ours, theirs = F.avg_pool2d(ours, 2), F.avg_pool2d(theirs, 2)
            return 1 - score.mean()


class PerceptualChoice(NamedTuple):
    """Which perceptual loss a run has, and why."""

    kind: PerceptualKind
    reason: str
    """A sentence for the screen and the record."""
    backbone: Path | None = None
    """The file of LPIPS's backbone."""


def choose_perceptual(
    requested: Literal["auto", "lpips", "ms-ssim", "none"], backbone: StrPath | None = None
) -> PerceptualChoice:
    """Resolves `auto`: LPIPS on VGG16 when its weights are at hand (`find_lpips_backbone`), MS-SSIM when not.

    ValueError when LPIPS is asked for by name and its weights are not there.
    """
    name = LPIPS_BACKBONES["vgg"]
    if requested == "ms-ssim" or requested == "none":
        return PerceptualChoice(requested, f"the perceptual loss is {requested}, as asked for.")
    found = find_lpips_backbone("vgg", backbone)
    if found is not None:
        return PerceptualChoice("lpips", f"the perceptual loss is LPIPS: its backbone {name} is at hand.", found)
    missing = f"LPIPS's backbone {name} is not in the torch hub cache and no path to it was given"
    if requested == "lpips":
        raise ValueError(f"the perceptual loss cannot be LPIPS: {missing}.")
    return PerceptualChoice("ms-ssim", f"the perceptual loss is MS-SSIM, since {missing}.")


def make_perceptual(choice: PerceptualChoice) -> nn.Module | None:
    """The loss of a choice: (reconstruction, images) in [-1, 1] to a scalar; None for `none`."""
    if choice.kind == "lpips":
        return LPIPSLoss(load_lpips(choice.backbone, "vgg"))
    return MSSSIMLoss() if choice.kind == "ms-ssim" else None
