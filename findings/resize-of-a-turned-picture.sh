#!/usr/bin/env bash
# Pillow resizes a picture to other pixels when it lies on its side: by up to 30 levels of 255.
#
# Versions: pillow 12.3.0, numpy 2.4.6
# Expected: the filters treat both directions alike, so that turning and resizing may change places, as mirroring and
#   resizing may.
# Seen: columns are filtered after rows, and what lies between is rounded and cut to 0 to 255. Rounding moves a fifth of
#   a soft picture's pixels by 1; where bicubic or Lanczos overshoots at black and white edges, one direction loses its
#   overshoot and the other keeps it. 256 x 256 to 100 x 100 pixels, transposed before and back after:
#     soft, bilinear: 16% of the pixels, by up to 1
#     soft, bicubic: 19% of the pixels, by up to 1
#     soft, lanczos: 20% of the pixels, by up to 1
#     chequered, bilinear: 11% of the pixels, by up to 1
#     chequered, bicubic: 53% of the pixels, by up to 19
#     chequered, lanczos: 54% of the pixels, by up to 30
#     mirrored: by up to 0; transposed in mode F: by less than 0.0001
# Hurts: who compares a picture stored on its side with a note to turn it (EXIF) with the same one stored upright, by
#   hashes, pixels or features for a Fréchet distance; and tests of augmentations that expect exact equality.
#   (Pillow's issue 7184 speaks of the cut between the passes beside floating point; that it depends on how a picture
#   lies, we found nowhere.)
# Instead: turn pictures upright before everything else; or resize each channel in mode "F" and round once at the end.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==12.3.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from PIL import Image

SIDE = 256
TRANSPOSE, MIRROR = Image.Transpose.TRANSPOSE, Image.Transpose.FLIP_LEFT_RIGHT


def soft():
    generator = np.random.default_rng(0)
    hills = generator.normal(0, 1, (16, 16)).cumsum(0).cumsum(1)
    hills = Image.fromarray((255 * (hills - hills.min()) / np.ptp(hills)).astype(np.uint8))
    hills = np.asarray(hills.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return Image.fromarray((hills + generator.normal(0, 6, hills.shape)).clip(0, 255).astype(np.uint8))


def chequered():
    y, x = np.mgrid[:SIDE, :SIDE]
    return Image.fromarray((255 * ((x // 7 + y // 5) % 2 == 0)).astype(np.uint8))


def differences(picture, resampling, move):
    there = np.asarray(picture.resize((100, 100), resampling), dtype=float)
    back = picture.transpose(move).resize((100, 100), resampling).transpose(move)
    return np.abs(there - np.asarray(back, dtype=float))


largest, mirrored, floating = {}, 0, 0
for name, picture in {"soft": soft(), "chequered": chequered()}.items():
    for resampling in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
        found = differences(picture, resampling, TRANSPOSE)
        largest[name, resampling.name] = found.max()
        mirrored = max(mirrored, differences(picture, resampling, MIRROR).max())
        floating = max(floating, differences(picture.convert("F"), resampling, TRANSPOSE).max())
        print(f"{name}, {resampling.name.lower()}: {(found > 0).mean():.0%} of the pixels, by up to {found.max():.0f}")
print(f"mirrored: by up to {mirrored:.0f}; transposed in mode F: by less than {1e-4 if floating < 1e-4 else 1}")
cut = largest["chequered", "BICUBIC"] > 5 and largest["chequered", "LANCZOS"] > 5
sys.exit(0 if cut and min(largest.values()) >= 1 and mirrored == 0 and floating < 1e-4 else 1)
PYTHON
