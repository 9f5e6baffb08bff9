"""The audio protocol as a whole: numbers by hand, ranks, sounds off the stride, and what is missing."""

import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from autoencoders.audio.distances import mel_distance, stft_distance
from autoencoders.tokenizer import OneMapTokenizer
from benchmarks import protocols
from benchmarks.data.sounds.synthetic import make_speech
from benchmarks.metrics.si_sdr import si_sdr
from benchmarks.protocols.audio import fidelity
from benchmarks.protocols.audio.codecs import opus
from benchmarks.protocols.audio.evaluation import evaluate_codec, evaluate_tokenizer
from benchmarks.protocols.audio.latency import latency_samples
from benchmarks.protocols.audio.measured import METRICS, PROTOCOL
from benchmarks.protocols.audio.speed import measure_sound_speed
from benchmarks.protocols.audio.transform import MdctKMeans
from benchmarks.records.resampling import draws, resampled_metrics
from priors.code_models import Histogram
from quantizers import create_quantizer

RATE = 16_000
STRIDE = 4


class Rounding(OneMapTokenizer):
    """The samples themselves, STRIDE of them a position, under three codebooks."""

    channels = 1

    def __init__(self) -> None:
        super().__init__()
        self.strides = (STRIDE,)
        self.quantizer = create_quantizer("rq", dim=STRIDE, codebook_size=32, codes_per_position=3, shared=False)

    def latent(self, signal: Tensor) -> Tensor:
        self._require_signal(signal)
        return signal.unfold(2, STRIDE, STRIDE)[:, 0].movedim(2, 1)

    def from_latent(self, quantized: Tensor) -> Tensor:
        return quantized.movedim(1, 2).flatten(1).unsqueeze(1)


@pytest.fixture(autouse=True)
def _without_visqol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "has_visqol", lambda: False)  # it takes seconds


def sounds() -> list[Tensor]:
    """Of several lengths, off the stride; the last but one is silent, the last too short for STOI and PESQ."""
    found = [torch.from_numpy(make_speech(voice, 0)[: 16_000 + 101 * voice])[None] for voice in range(4)]
    return [*found, torch.zeros(1, 8_001), found[0][:, 5000:8000]]


def make_tokenizer() -> Rounding:
    """Its codebooks from the first sounds."""
    torch.manual_seed(0)
    made = Rounding()
    made.quantizer.start(torch.cat([made.latent(s[None, :, : s.shape[1] // 4 * 4])[0].T for s in sounds()[:4]]))
    return made.eval()


@pytest.fixture(scope="module")
def tokenizer() -> Rounding:
    return make_tokenizer()


def test_numbers_are_those_by_hand(tokenizer: Rounding) -> None:
    found = evaluate_tokenizer(tokenizer, enumerate(sounds()), RATE)
    everything: list[Tensor] = []
    for place, original in enumerate(sounds()):
        length = original.shape[1]
        padded = torch.cat([original, torch.zeros(1, -length % STRIDE)], 1)
        (codes,) = tokenizer.encode(padded[None])
        everything.append(codes[0])
        positions = math.ceil(length / STRIDE)
        assert codes.shape == (1, 3, positions)
        assert found.per_signal["kbps"][place] == pytest.approx(15 * positions / (length / RATE) / 1000)
        assert found.per_signal["codes_per_second"][place] == pytest.approx(3 * positions / (length / RATE))
        back = tokenizer.decode([codes])[0, :, :length].clamp(-1, 1)
        if place != 4:
            assert found.per_signal["si_sdr"][place] == pytest.approx(si_sdr(back.numpy(), original.numpy()), abs=1e-9)
        heard = (back[None].double(), original[None].double())
        assert found.per_signal["mel_distance"][place] == pytest.approx(mel_distance(*heard, RATE).item())
        assert found.per_signal["stft_distance"][place] == pytest.approx(stft_distance(*heard).item())
    together = torch.cat(everything, 1)
    assert found.code_counts is not None
    np.testing.assert_array_equal(found.code_counts, [torch.bincount(row, minlength=32).numpy() for row in together])
    np.testing.assert_array_equal(found.arrays()["code_counts"], found.code_counts)
    entropies, seconds = [], sum(s.shape[1] for s in sounds()) / RATE
    for row, usage, perplexity in zip(together, found.usage, found.perplexity, strict=True):
        counts = torch.bincount(row)
        shares = counts[counts > 0] / len(row)
        entropies.append(-(shares * shares.log2()).sum().item())
        assert usage == len(shares) / 32
        assert perplexity == pytest.approx(2 ** entropies[-1], rel=1e-5)
    assert found.metrics["kbps_entropy"] == pytest.approx(sum(entropies) * together.shape[1] / seconds / 1000, rel=1e-5)
    assert found.metrics["usage"] == np.mean(found.usage)
    assert list(found.metrics) == list(METRICS)
    assert found.seconds == pytest.approx(seconds)


def test_a_reference_that_has_no_number_is_named_and_left_out(tokenizer: Rounding) -> None:
    found = evaluate_tokenizer(tokenizer, enumerate(sounds()), RATE)
    silent = "the reference is silent"
    assert found.unmeasured["si_sdr"] == {4: silent}
    assert found.unmeasured["pesq"] == {4: silent, 5: "shorter than ¼ s"}
    assert set(found.unmeasured["stoi"]) == {4, 5}
    assert found.metrics["pesq"] == pytest.approx(found.per_signal["pesq"][:4].mean())
    assert set(found.missing) == {"visqol", "kbps_modelled", "kbps_file"}
    short = evaluate_tokenizer(tokenizer, [(0, sounds()[0][:, :1024])], RATE)
    assert short.unmeasured["mel_distance"] == {0: "no longer than 1024 samples, half a window"}
    alone = evaluate_tokenizer(tokenizer, [(0, torch.zeros(1, 8000))], RATE)
    assert alone.metrics["si_sdr"] is None
    assert silent in alone.missing["si_sdr"]


def test_stored_values_give_the_means_on_resamples(tokenizer: Rounding) -> None:
    found = evaluate_tokenizer(tokenizer, enumerate(sounds()), RATE)
    resampled = resampled_metrics(found.arrays())
    values = found.per_signal["pesq"]
    for row, mean in zip(draws(6), resampled["pesq"], strict=True):
        expected = np.repeat(values, row)
        expected = expected[~np.isnan(expected)]
        assert mean == pytest.approx(expected.mean()) if len(expected) else np.isnan(mean)
    row = draws(6)[7]
    chosen = [sound for sound, times in zip(sounds(), row, strict=True) for _ in range(times)]
    again = evaluate_tokenizer(tokenizer, enumerate(chosen), RATE)
    for name in ("usage", "perplexity", "kbps_entropy"):
        assert resampled[name][7] == pytest.approx(again.metrics[name])


def test_modelled_rate_is_the_information_under_the_model(tokenizer: Rounding) -> None:
    model = Histogram(torch.ones(3, 32, dtype=torch.int64).numpy())  # all codes alike
    found = evaluate_tokenizer(tokenizer, enumerate(sounds()[:2]), RATE, model=model)
    assert found.metrics["kbps_modelled"] == pytest.approx(found.metrics["kbps"], rel=1e-3)
    assert "kbps_modelled" not in found.missing


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
    alone = evaluate_tokenizer(make_tokenizer(), enumerate(sounds()), RATE)
    for rank in (0, 1):
        found, error = pickle.loads((tmp_path / f"{rank}.pickle").read_bytes())
        assert found.usage == alone.usage
        assert found.missing == alone.missing
        assert found.metrics == {
            name: value if value is None else pytest.approx(value, rel=1e-9) for name, value in alone.metrics.items()
        }
        for name, values in alone.arrays().items():
            # sums over threads, which are not the same here
            np.testing.assert_allclose(found.arrays()[name], values, rtol=1e-9, err_msg=name)
        assert "NaN" in error  # of the other rank's sound, on both


def one_rank(folder: str, rank: int) -> None:
    """A process of the test above."""
    torch.set_num_threads(1)
    tokenizer, own = make_tokenizer(), list(enumerate(sounds()))[rank::2]  # before: k-means would be that of both ranks
    torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    fidelity.has_visqol = lambda: False
    whole = evaluate_tokenizer(tokenizer, own, RATE, world_size=2)
    try:
        evaluate_tokenizer(tokenizer, [(0, torch.full((1, 8), torch.nan))] * rank, RATE, world_size=2)
    except ValueError as error:
        Path(folder, f"{rank}.pickle").write_bytes(pickle.dumps((whole, str(error))))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "each sound once"),
        ([(0, torch.zeros(1, 8)), (0, torch.zeros(1, 8))], "each sound once"),
        ([(1, torch.zeros(1, 8))], "each sound once"),
        ([(0, torch.full((1, 8), torch.nan))], "NaN"),
        ([(0, torch.zeros(2, 8))], "1 channels, got 2"),
    ],
)
def test_bad_sets_are_refused(tokenizer: Rounding, given: list, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate_tokenizer(tokenizer, given, RATE)


def test_a_tokenizer_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"eval mode"):
        evaluate_tokenizer(Rounding().train(), [(0, torch.zeros(1, 8))], RATE)


def test_a_row_without_codebook_has_no_code_statistics() -> None:
    tokenizer = Rounding()
    tokenizer.quantizer = create_quantizer("none", dim=STRIDE)
    found = evaluate_tokenizer(tokenizer.eval(), [(0, sounds()[0])], RATE)
    assert found.metrics["si_sdr"] == 100
    assert found.metrics["kbps"] == pytest.approx(32 * RATE / 1000)
    assert found.metrics["usage"] is found.metrics["kbps_entropy"] is None
    assert "no codebook" in found.missing["usage"]


def test_a_codec_has_the_rate_of_its_packets() -> None:
    given = sounds()[:3]
    found = evaluate_codec(opus(24_000), enumerate(given), RATE)
    for place, original in enumerate(given):
        file = opus(24_000).encode(original, RATE)
        seconds = original.shape[1] / RATE
        assert found.per_signal["kbps"][place] == pytest.approx(8 * file.stream_bytes / seconds / 1000)
        assert found.per_signal["kbps_file"][place] == pytest.approx(8 * len(file.data) / seconds / 1000)
    assert found.metrics["stoi"] > 0.8
    assert found.usage == ()
    assert {"usage", "codes_per_second", "kbps_modelled"} <= set(found.missing)


class Delayed(Rounding):
    """Each output block needs `ahead` further samples of the input, or all of it."""

    def __init__(self, ahead: int | None) -> None:
        super().__init__()
        self.ahead = ahead

    def from_latent(self, quantized: Tensor) -> Tensor:
        sound = super().from_latent(quantized)
        if self.ahead is None:
            return sound + 1e-3 * sound.mean()
        return sound + torch.nn.functional.pad(sound, (0, self.ahead))[..., self.ahead :]


@pytest.mark.parametrize(("ahead", "latency"), [(0, 1), (1, 2), (9, 10), (None, None)])
def test_latency_is_what_the_networks_look_ahead(ahead: int | None, latency: int | None) -> None:
    assert latency_samples(Delayed(ahead).eval()) == latency


def test_latency_of_a_block_transform_is_its_window() -> None:
    assert latency_samples(MdctKMeans(1, 32, 4, 1).eval()) == 64  # a block and half of each neighbour


def test_speed_is_measured_on_one_thread(tokenizer: Rounding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.metrics.speed.MIN_SECONDS", 0.01)
    threads = []
    monkeypatch.setattr(tokenizer, "encode", lambda signal: threads.append(torch.get_num_threads()) or [signal])
    monkeypatch.setattr(tokenizer, "decode", lambda codes: codes[0])
    found = measure_sound_speed(tokenizer, sounds()[1], RATE)
    assert set(threads) == {1}
    assert found["encode_realtime"] > 1
    assert found["decode_realtime"] > 1
    assert found["latency_ms"] == 1000 / RATE  # samples that are no block


def test_speed_of_a_sound_shorter_than_a_stride(tokenizer: Rounding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.metrics.speed.MIN_SECONDS", 0.01)
    found = measure_sound_speed(tokenizer, sounds()[0][:, : STRIDE - 1], RATE)
    assert found["encode_realtime"] > 0
    assert found["decode_realtime"] > 0


def test_words_and_code_are_of_one_version() -> None:
    text = (Path(protocols.__file__).parent / "audio.md").read_text(encoding="utf-8")
    assert re.search(r"^Version: `(.*)`$", text, re.MULTILINE)[1] == PROTOCOL
    assert all(f"`{name}`" in text for name in METRICS)


if __name__ == "__main__":
    one_rank(sys.argv[1], int(sys.argv[2]))
