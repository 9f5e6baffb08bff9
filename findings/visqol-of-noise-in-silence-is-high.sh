#!/usr/bin/env bash
# ViSQOL of visqol-python rates loud noise near the top of its scale where the original is silent.
#
# Versions: visqol-python 3.8.0, numpy 2.4.6
# Expected: where nothing is to be heard, loud noise is a bad reproduction: a score near 1, or an error, as pesq 0.0.4 raises
#   NoUtterancesError for a silent reference.
# Seen: a second of digital silence as the reference, in audio mode at 48 kHz. A score from 1 to 5:
#     white noise in the place of silence: 4.73
#     the same noise in the place of a tone: 1.89
#     the tone itself: 4.73
# Hurts: whoever averages ViSQOL over files or segments of which some are silent (pauses in dialogues, muted stems, one
#   channel of a stereo recording): a codec that fills them with noise gains by it, and the mean rises for every method.
# Instead: leave silent references out and say how many there were; judge what fills silence by its level.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet visqol-python==3.8.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from visqol import VisqolApi

RATE = 48_000
time = np.arange(RATE) / RATE
silence, tone = np.zeros(RATE), 0.3 * np.sin(2 * np.pi * 440 * time) * np.sin(2 * np.pi * 3 * time)
noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
api = VisqolApi()
api.create(mode="audio")


def score(reference, estimate):
    return api.measure_from_arrays(reference, estimate, RATE).moslqo


in_silence, in_tone, itself = score(silence, noise), score(tone, noise), score(tone, tone)
print(f"white noise in the place of silence: {in_silence:.2f}")
print(f"the same noise in the place of a tone: {in_tone:.2f}")
print(f"the tone itself: {itself:.2f}")
sys.exit(0 if in_silence > itself - 0.1 and in_tone < itself - 1 else 1)
PYTHON
