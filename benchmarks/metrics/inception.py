"""The network of FID: TensorFlow's Inception of 2015, by torch-fidelity; 2048 features."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from storage.paths import StrPath

FEATURES = 2048


class Inception(nn.Module):
    """Inception features of 8-bit pictures of any size (resized to 299 x 299 as TensorFlow 1 did), float32.

    `path` is the file of weights; `benchmarks.weights` knows the published one and checks it. Raises
    ValueError if the file does not hold this network's weights.
    """

    def __init__(self, path: StrPath) -> None:
        path = Path(path)
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # three seconds of import

        super().__init__()
        content = path.read_bytes()
        try:
            # torch-fidelity unpickles anything; what loads under weights_only=True does no harm
            torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            self.network = FeatureExtractorInceptionV3("inception", [str(FEATURES)], io.BytesIO(content))
        except Exception as error:  # a broken file fails in many ways: zip, pickle, missing and misshapen keys
            raise ValueError(
                f"{path} does not hold the weights of FID's Inception ({type(error).__name__}); "
                "fetch them with `python -m benchmarks.weights`"
            ) from error

    def forward(self, pictures: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2048"]:
        features: Tensor = self.network(pictures)[0]
        return features

    def logits(self, features: Float[Tensor, "b 2048"]) -> Float[Tensor, "b 1008"]:
        """What the network's last layer makes of features, without its bias: the logits of the Inception Score, as in
        torch-fidelity and the TensorFlow program that it follows."""
        classifier: Tensor = self.network.fc.weight
        return features @ classifier.T
