"""The baselines of a table by name; `training.baselines` makes them."""

from __future__ import annotations

BLOCK_MEAN, PCA, KMEANS = "block-mean", "pca", "kmeans"

NAMES = (BLOCK_MEAN, PCA, KMEANS)
