"""The baselines of a table by name; the signals of `training` make them."""

from __future__ import annotations

BLOCK_MEAN, PCA, KMEANS = "block-mean", "pca", "kmeans"
OPUS, MP3, MDCT_KMEANS = "opus", "mp3", "mdct-kmeans"
H264, HEVC, AV1 = "h264", "hevc", "av1"

OF_PICTURES = (BLOCK_MEAN, PCA, KMEANS)
OF_SOUNDS = (OPUS, MP3, MDCT_KMEANS)
OF_FILMS = (*OF_PICTURES, H264, HEVC, AV1)

NAMES = (*OF_SOUNDS, *OF_FILMS)
