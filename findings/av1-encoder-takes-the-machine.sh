#!/usr/bin/env bash
# SVT-AV1 in the wheels of PyAV, run by root, makes the thread that opens an encoder a real-time one, for good.
#
# Versions: av 18.1.0, numpy 2.3.5
# Expected: a thread has the scheduling policy that it had before it encoded a film, as after x264 and x265.
# Seen: opening `libsvtav1` sets SCHED_FIFO, priority 99, for the thread that opens it and those of the
#   encoder. The encoder's threads end, the caller stays so after the file is closed, and so are processes that it starts:
#     libx264: policy SCHED_OTHER before, SCHED_OTHER after, SCHED_OTHER in a child
#     libx265: policy SCHED_OTHER before, SCHED_OTHER after, SCHED_OTHER in a child
#     libsvtav1: policy SCHED_OTHER before, SCHED_FIFO after, SCHED_FIFO in a child
# Hurts: who measures or trains in the process that encoded, as root, which in containers is the usual user: on its
#   core nothing else runs as long as it computes, but for the twentieth of the time that Linux keeps back, and timings
#   beside others are none.
# Instead: keep `os.sched_getscheduler(0), os.sched_getparam(0)`, open the encoder (`stream.codec_context.open()`) and set
#   both back by `os.sched_setscheduler` at once: encoding does not set them again. Or encode in a process of its own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.3.5
SVT_LOG=1 "$folder/venv/bin/python" - <<'PYTHON'
import os
import subprocess
import sys
from io import BytesIO

import av
import numpy as np

if os.geteuid():
    sys.exit("only root can be given a real-time priority: run this as root")
NAMES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO"}
QUIET = {"libx265": {"x265-params": "log-level=none"}}
CHILD = "import os, sys; sys.exit(os.sched_getscheduler(0))"


def encode(encoder):
    with av.open(BytesIO(), "w", format="mp4") as file:
        stream = file.add_stream(encoder, rate=10, options=QUIET.get(encoder, {}))
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for level in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * level, np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


found = {}
for encoder in ("libx264", "libx265", "libsvtav1"):
    before = os.sched_getscheduler(0)
    encode(encoder)
    after, child = os.sched_getscheduler(0), subprocess.run([sys.executable, "-c", CHILD]).returncode
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    print(f"{encoder}: policy {NAMES[before]} before, {NAMES[after]} after, {NAMES[child]} in a child")
    found[encoder] = before, after, child
other, fifo = os.SCHED_OTHER, os.SCHED_FIFO
same = (other, other, other)
sys.exit(0 if found == {"libx264": same, "libx265": same, "libsvtav1": (other, fifo, fifo)} else 1)
PYTHON
