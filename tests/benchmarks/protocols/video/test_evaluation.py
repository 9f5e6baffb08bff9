"""The video protocol as a whole: numbers by hand, ranks, clips off the grid, and what is missing."""

import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from autoencoders import BlockKMeans, BlockMean, BlockPCA
from autoencoders.video.magvit2 import MAGVIT2
from autoencoders.video.sizes import MAGVIT2Config
from benchmarks import protocols
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.protocols.video.codecs import h264
from benchmarks.protocols.video.evaluation import evaluate_codec, evaluate_tokenizer
from benchmarks.protocols.video.measured import METRICS, PROTOCOL
from benchmarks.protocols.video.speed import measure_film_speed
from benchmarks.records.resampling import draws, resampled_metrics
from priors.code_models import Histogram
from quantizers import create_quantizer

FPS = 12.5


def clips(count: int = 4, frames: int = 11, height: int = 18, width: int = 22) -> list[Tensor]:
    """8-bit noise, smooth in time and space: (3, frames, height, width) each."""
    coarse = torch.rand(count, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.interpolate(coarse, (frames, height, width), mode="trilinear")
    return [*(255 * smooth).round().to(torch.uint8)]


def make_kmeans() -> BlockKMeans:
    """Fitted on the first two clips."""
    torch.manual_seed(0)
    made = BlockKMeans((4, 4, 4), 32)
    made.fit([torch.stack([clip[:, :8, :16, :20] for clip in clips()[:2]]) / 127.5 - 1])
    return made.eval()


@pytest.fixture(scope="module")
def kmeans() -> BlockKMeans:
    return make_kmeans()


@torch.no_grad()
def reconstructed(tokenizer, clip: Tensor) -> tuple[np.ndarray, Tensor]:
    """A clip there and back, padded by NumPy, and its codes."""
    _, frames, height, width = clip.shape
    padding = [(0, 0), *((0, -side % 4) for side in (frames, height, width))]
    padded = np.pad(clip.numpy(), padding, "edge")
    back, (codes,), *_ = tokenizer(torch.from_numpy(padded)[None].float() / 127.5 - 1)
    back = back[0, :, :frames, :height, :width].numpy()  # float32, as measured: a mean of two blocks is a tie
    return np.round((np.clip(back, -1, 1) + 1) * 127.5).astype(np.uint8), codes


def test_numbers_are_those_by_hand(kmeans: BlockKMeans) -> None:
    found = evaluate_tokenizer(kmeans, enumerate(clips()), FPS)
    everything = []
    for place, clip in enumerate(clips()):
        made, codes = reconstructed(kmeans, clip)
        everything.append(codes.flatten())
        wanted = clip.numpy()
        for frame in range(11):
            pair = wanted[:, frame], made[:, frame]
            expected = peak_signal_noise_ratio(*pair, data_range=255)
            assert found.per_frame["psnr"][place, frame] == pytest.approx(expected)
            expected = structural_similarity(
                *pair, channel_axis=0, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            assert found.per_frame["ssim"][place, frame] == pytest.approx(expected, abs=1e-4)
        assert found.per_signal["psnr"][place] == pytest.approx(found.per_frame["psnr"][place].mean())
        error = (wanted.astype(np.float64) - made).ravel()
        assert found.per_signal["psnr_clip"][place] == pytest.approx(
            10 * math.log10(255**2 / (error @ error) * len(error))
        )
        changes = np.diff(made.astype(float), axis=1) - np.diff(wanted.astype(float), axis=1)
        assert found.per_signal["flicker"][place] == pytest.approx(np.abs(changes).mean())
        bits = 5 * 3 * 5 * 6  # of 12 × 20 × 24 in blocks of 4
        assert found.per_signal["kbps"][place] == pytest.approx(bits / (11 / FPS) / 1000)
        assert found.per_signal["bpp"][place] == pytest.approx(bits / (11 * 18 * 22))
        assert found.per_signal["codes_per_second"][place] == pytest.approx(bits / 5 / (11 / FPS))
    counts = torch.bincount(torch.cat(everything))
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * shares.log2()).sum().item()
    assert found.usage == (len(shares) / 32,)
    assert found.perplexity == (pytest.approx(2**entropy, rel=1e-5),)
    assert found.metrics["bpp_entropy"] == pytest.approx(entropy * counts.sum().item() / (4 * 11 * 18 * 22), rel=1e-5)
    assert list(found.metrics) == list(METRICS)
    assert found.seconds == pytest.approx(4 * 11 / FPS)
    assert found.metrics["psnr_clip"] <= found.metrics["psnr"]


def test_what_is_missing_is_named(kmeans: BlockKMeans) -> None:
    found = evaluate_tokenizer(kmeans, enumerate(clips()), FPS)
    assert set(found.missing) == {"ms_ssim", "rfvd", "kbps_modelled", "bpp_modelled", "kbps_file"}
    assert "sides of at least 176 px" in found.missing["ms_ssim"]
    assert "no file of FVD's network" in found.missing["rfvd"]
    assert set(found.unmeasured) == {"ms_ssim"}
    single = evaluate_tokenizer(kmeans, enumerate(clips(frames=1, height=10)), FPS)
    assert {"flicker", "ssim", "swd"} <= set(single.missing)
    assert single.missing["swd"] == "patches need 3 frames of at least 16 px"
    assert single.metrics["psnr"] == pytest.approx(single.metrics["psnr_clip"], rel=1e-6)


def test_stored_values_give_the_means_on_resamples(kmeans: BlockKMeans) -> None:
    found = evaluate_tokenizer(kmeans, enumerate(clips()), FPS)
    resampled = resampled_metrics(found.arrays())
    row = draws(4)[5]
    assert resampled["psnr"][5] == pytest.approx(np.repeat(found.per_signal["psnr"], row).mean())
    chosen = [clip for clip, times in zip(clips(), row, strict=True) for _ in range(times)]
    again = evaluate_tokenizer(kmeans, enumerate(chosen), FPS)
    for name in ("usage", "perplexity", "kbps_entropy", "bpp_entropy"):
        assert resampled[name][5] == pytest.approx(again.metrics[name])
    assert resampled["swd"].shape == (100,)


def test_modelled_rate_is_the_information_under_the_model(kmeans: BlockKMeans) -> None:
    model = Histogram(np.ones((1, 32), np.int64))  # all codes alike
    found = evaluate_tokenizer(kmeans, enumerate(clips()[:2]), FPS, model=model)
    assert found.metrics["bpp_modelled"] == pytest.approx(found.metrics["bpp"], rel=1e-3)
    assert "kbps_modelled" not in found.missing


class Network(nn.Module):
    """With random weights, and the interface of FVD's file."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(3, 3, (4, 32, 32), (4, 32, 32))

    def forward(self, films: Tensor, rescale: bool, resize: bool, return_features: bool) -> Tensor:
        return self.layer(films).mean((2, 3, 4))


def test_rfvd_is_the_distance_of_two_gaussians(kmeans: BlockKMeans, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.jit.script(Network()).save(str(tmp_path / "i3d.pt"))
    features = VideoFeatures(tmp_path / "i3d.pt")
    found = evaluate_tokenizer(kmeans, enumerate(clips(8)), FPS, features=features)
    sets = [[], []]
    for clip in clips(8):
        made, _ = reconstructed(kmeans, clip)
        for of, kept in zip((clip, torch.from_numpy(made)), sets, strict=True):
            kept.append(features(of.movedim(1, 0)).double().numpy())
    (a, b), (cov_a, cov_b) = (np.array(of) for of in sets), (np.cov(np.array(of).T) for of in sets)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
    assert found.metrics["rfvd"] == pytest.approx(expected, rel=1e-3)
    assert found.resampled["rfvd"].shape == (20,)
    short = evaluate_tokenizer(kmeans, enumerate(clips(frames=8)), FPS, features=features)
    assert short.missing["rfvd"] == "under 10 frames"
    alone = evaluate_tokenizer(kmeans, enumerate(clips(1)), FPS, features=features)
    assert "single clip" in alone.missing["rfvd"]


@pytest.mark.slow
def test_two_ranks_are_one(tmp_path: Path) -> None:
    command = [sys.executable, __file__, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ranks = [
        subprocess.Popen([*command, str(rank)], stderr=subprocess.PIPE, text=True, env=environment) for rank in (0, 1)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    alone = evaluate_tokenizer(make_kmeans(), enumerate(clips()), FPS)
    for rank in (0, 1):
        found, single, error = pickle.loads((tmp_path / f"{rank}.pickle").read_bytes())
        assert single.metrics["bpp"] == alone.metrics["bpp"]  # also on the rank that had no clip
        assert found.usage == alone.usage
        assert found.missing == alone.missing
        for name, values in alone.arrays().items():
            np.testing.assert_allclose(found.arrays()[name], values, rtol=1e-9, err_msg=name)
        assert "all clips must be" in error  # of the other rank's clip, on both


def one_rank(folder: str, rank: int) -> None:
    """A process of the test above."""
    torch.set_num_threads(1)
    tokenizer, own = make_kmeans(), list(enumerate(clips()))[rank::2]
    torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    whole = evaluate_tokenizer(tokenizer, own, FPS, world_size=2)
    single = evaluate_tokenizer(tokenizer, [] if rank else own[:1], FPS, world_size=2)
    uneven = [(0, clips()[0]), (1, clips()[0][:, :4])]
    try:
        evaluate_tokenizer(tokenizer, uneven if rank else own[:1], FPS, world_size=2)
    except ValueError as error:
        Path(folder, f"{rank}.pickle").write_bytes(pickle.dumps((whole, single, str(error))))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("places", "words"),
    [([], "each clip once"), ([0, 0], "each clip once"), ([1], "each clip once"), ([0, 2], "each clip once")],
)
def test_bad_sets_are_refused(kmeans: BlockKMeans, places: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate_tokenizer(kmeans, [(place, clips()[0]) for place in places], FPS)


def test_clips_of_several_sizes_and_tokenizers_in_training_are_refused(kmeans: BlockKMeans) -> None:
    with pytest.raises(ValueError, match="all clips must be"):
        evaluate_tokenizer(kmeans, [(0, clips()[0]), (1, clips()[1][:, :4])], FPS)
    with pytest.raises(ValueError, match="eval mode"):
        evaluate_tokenizer(BlockMean((4, 4, 4)).train(), [(0, clips()[0])], FPS)


def test_a_reconstruction_that_is_not_finite_is_an_error() -> None:
    model = BlockPCA((4, 4, 4), 2).eval()
    model.basis.fill_(math.nan)
    with pytest.raises(ValueError, match="NaN or infinite"):
        evaluate_tokenizer(model, [(0, clips()[0])], FPS)


def test_a_row_without_codebook_has_no_code_statistics() -> None:
    found = evaluate_tokenizer(BlockPCA((4, 4, 4), 1000).eval(), [(0, clips()[0])], FPS)  # all components, none moved
    assert found.metrics["psnr"] == 100
    assert found.metrics["flicker"] == found.metrics["swd"] == 0
    assert found.metrics["usage"] is found.metrics["bpp_entropy"] is None
    assert "no codebook" in found.missing["bpp_entropy"]


def test_a_causal_tokenizer_codes_clips_of_any_length() -> None:
    torch.manual_seed(0)
    config = MAGVIT2Config(width=4, multipliers=(1, 1), strides=((2, 2),), blocks=1)
    model = MAGVIT2(config, create_quantizer("fsq", bits=8)).eval()
    for frames, positions in ((1, 1), (11, 6), (12, 7)):
        found = evaluate_tokenizer(model, [(0, clips(frames=frames)[0])], FPS)
        bits = model.quantizer.bits_per_position * positions * 9 * 11
        assert found.metrics["bpp"] == pytest.approx(bits / (frames * 18 * 22))
        assert found.per_frame["psnr"].shape == (1, frames)


def test_a_codec_has_the_rate_of_its_packets() -> None:
    given = clips(2, height=32, width=32)
    found = evaluate_codec(h264(25), enumerate(given), FPS)
    for place, clip in enumerate(given):
        file = h264(25).encode(clip, FPS)
        assert found.per_signal["kbps"][place] == pytest.approx(8 * file.stream_bytes / (11 / FPS) / 1000)
        assert found.per_signal["bpp"][place] == pytest.approx(8 * file.stream_bytes / (11 * 32 * 32))
        assert found.per_signal["kbps_file"][place] > found.per_signal["kbps"][place]
    assert found.metrics["psnr"] > 25
    assert found.usage == ()
    assert {"usage", "codes_per_second", "kbps_modelled"} <= set(found.missing)


def test_speed_is_measured_on_one_thread(kmeans: BlockKMeans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.metrics.speed.MIN_SECONDS", 0.01)
    threads = []
    encode = kmeans.encode
    monkeypatch.setattr(kmeans, "encode", lambda signal: (threads.append(torch.get_num_threads()), encode(signal))[1])
    found = measure_film_speed(kmeans, clips()[0])
    assert set(threads) == {1}
    assert found["encode_frames_per_second"] > 1
    assert found["decode_frames_per_second"] > 1


def test_words_and_code_are_of_one_version() -> None:
    text = (Path(protocols.__file__).parent / "video.md").read_text(encoding="utf-8")
    assert re.search(r"^Version: `(.*)`$", text, re.MULTILINE)[1] == PROTOCOL
    assert all(f"`{name}`" in text for name in METRICS)


if __name__ == "__main__":
    one_rank(sys.argv[1], int(sys.argv[2]))
