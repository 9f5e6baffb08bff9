#!/usr/bin/env bash
# Dataset.map of Hugging Face datasets compresses JPEGs again when the function only looks at them.
#
# Versions: datasets 5.2.0, pillow 12.3.0, numpy 2.4.6
# Expected: a function that reads a picture and returns another column leaves the column of pictures as it is, bytes
#   and all; `filter` with the same look does.
# Seen: to look at a picture is to decode it, and the decoded picture is what map stores, saved anew in its own format
#   at that format's usual quality. A photograph at quality 95 of 256 x 256 pixels, after a map that adds its width:
#     filter: 32333 bytes, then 32333; the same pixels
#     map: 32333 bytes, then 9271; 33.4 dB from the picture before
#     map, undecoded: 32333 bytes, then 32333; the same pixels
# Hurts: who measures or trains tokenizers on a data set that was mapped once, for a size, a hash or a caption: the
#   originals are worse than those downloaded, nothing says so, and metrics at high rates see it. Data sets that hold
#   bytes are concerned (Parquet, most of the Hub's); those that hold paths keep them.
# Instead: `cast_column(name, Image(decode=False))` before such a map, or `input_columns=` with the columns it needs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pillow==12.3.0 numpy==2.4.6
HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import numpy as np
from datasets import Dataset, Features, Image, disable_progress_bars
from PIL import Image as Pillow

disable_progress_bars()


def jpeg():
    """A ramp, waves and grain, which keep their detail at quality 95."""
    ramp = np.linspace(40, 200, 256)[:, None, None]
    waves = 20 * np.sin(np.arange(256) / 3)[None, :, None]
    grain = np.random.default_rng(0).normal(0, 8, (256, 256, 3))
    file = io.BytesIO()
    Pillow.fromarray((ramp + waves + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def stored(rows):
    return rows.cast_column("image", Image(decode=False))[0]["image"]["bytes"]


def pixels(rows):
    return np.asarray(rows[0]["image"]).astype(float)


start = Dataset.from_dict({"image": [{"bytes": jpeg(), "path": None}]}, features=Features({"image": Image()}))
undecoded = start.cast_column("image", Image(decode=False))
after = {
    "filter": start.filter(lambda row: row["image"].width > 0),
    "map": start.map(lambda row: {"width": row["image"].width}),
    "map, undecoded": undecoded.map(lambda row: {"size": len(row["image"]["bytes"])}).cast_column("image", Image()),
}
same = {}
for name, rows in after.items():
    error = np.square(pixels(rows) - pixels(start)).mean()
    same[name] = error == 0
    outcome = "the same pixels" if same[name] else f"{10 * np.log10(255**2 / error):.1f} dB from the picture before"
    print(f"{name}: {len(stored(start))} bytes, then {len(stored(rows))}; {outcome}")
sys.exit(0 if same == {"filter": True, "map": False, "map, undecoded": True} else 1)
PYTHON
