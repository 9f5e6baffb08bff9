"""One place turns settings into what belongs to their signal; parts of several signals make no settings."""

import shlex
from dataclasses import replace
from typing import Any, get_args

import pytest

from autoencoders.sizes import BACKBONES, BackboneName, misfit
from autoencoders.video.sizes import FilmBackboneName
from benchmarks.data import DataConfig
from benchmarks.data.films import FilmConfig
from benchmarks.data.sounds import SoundConfig
from benchmarks.records import baselines
from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan
from benchmarks.training.presets import PRESETS, preset_settings
from benchmarks.training.settings import SIGNALS, PresetName, Settings
from benchmarks.training.signals import Signal, signal_of, signal_of_data
from benchmarks.training.signals.films import Films
from benchmarks.training.signals.pictures import Pictures
from benchmarks.training.signals.sounds import Sounds


@pytest.mark.parametrize("preset", get_args(PresetName))
def test_every_preset_has_one_signal(preset: PresetName) -> None:
    settings = PRESETS[preset]
    signal = signal_of(settings)
    of = {DataConfig: Pictures, SoundConfig: Sounds, FilmConfig: Films}
    assert type(signal) is of[type(settings.data)]
    assert signal_of_data(settings.data) is signal
    assert signal.make_loss(replace(settings, loss=signal.choose_loss(settings.loss, None)[0])) is not None


def test_signals_share_nothing_but_the_way() -> None:
    signals = {name: signal_of(next(of for of in PRESETS.values() if of.signal == name)) for name in SIGNALS}
    assert all(isinstance(signal, Signal) for signal in signals.values())
    for of in ("protocol", "noun", "crops"):
        assert len({getattr(signal, of) for signal in signals.values()}) == len(signals)
    assert {name for signal in signals.values() for name in signal.baselines} == set(baselines.NAMES)
    assert set(signals["films"].baselines) & set(signals["pictures"].baselines) == set(baselines.OF_PICTURES)
    assert not set(signals["films"].baselines) & set(signals["sounds"].baselines)
    of_backbones = [kind for parts in SIGNALS.values() for kind in parts.backbones]
    assert sorted(map(str, of_backbones)) == sorted(str(BACKBONES[name]) for name in get_args(BackboneName))


PICTURES, SPEECH, FILM = PRESETS["smoke"], PRESETS["speech-smoke"], PRESETS["video-smoke"]


@pytest.mark.parametrize(
    "mixed",
    [
        {"data": PICTURES.data, "model": SPEECH.model, "loss": PICTURES.loss},
        {"data": PICTURES.data, "model": PICTURES.model, "loss": SPEECH.loss},
        {"data": SPEECH.data, "model": PICTURES.model, "loss": SPEECH.loss},
        {"data": FILM.data, "model": PICTURES.model, "loss": FILM.loss},
        {"data": FILM.data, "model": FILM.model, "loss": PICTURES.loss},
        {"data": PICTURES.data, "model": PICTURES.model, "loss": FILM.loss},
    ],
)
def test_parts_of_two_signals_are_refused(mixed: dict) -> None:
    with pytest.raises(ValueError, match="must be of one signal, got"):
        Settings(**mixed)


def test_the_backbone_follows_the_data() -> None:
    data = replace(SPEECH.data, sample_rate=8_000, channels=2)
    settings = replace(SPEECH, data=data)
    assert (settings.model.sample_rate, settings.model.in_channels) == (8_000, 2)
    with pytest.raises(ValueError, match="3,841 samples are no multiples of the backbone's stride 320"):
        replace(SPEECH, data=replace(SPEECH.data, crop_samples=3_841))


@pytest.mark.parametrize(
    ("extent", "fits"), [((9, 32, 32), True), ((1, 32, 32), True), ((8, 32, 32), False), ((9, 32, 28), False)]
)
def test_clips_fit_the_grid_of_a_causal_backbone(extent: tuple[int, int, int], fits: bool) -> None:
    assert (misfit(FILM.model, extent) is None) == fits
    with pytest.raises(ValueError, match=r"16 frames of 32 px are not of 1 \+ k · 4 frames with sides .* of 8 px"):
        replace(FILM, data=replace(FILM.data, clip_frames=16))


@pytest.mark.parametrize(("preset", "dim"), [("magvit2", 18), ("vidtok-488", 6)])
def test_published_film_tokenizers_fit_their_papers(preset: PresetName, dim: int) -> None:
    """MAGVIT-v2 (arXiv:2310.05737), and VidTok's first stage (microsoft/VidTok): 17 frames of 128 pixels as 5 × 16 × 16
    positions of 18 bits, one or three for each channel."""
    settings = PRESETS[preset]
    data, model = settings.data, settings.model
    assert (data.clip_frames, data.frame_size, settings.dim) == (17, 128, dim)
    assert (1 + (data.clip_frames - 1) // model.time_stride, data.frame_size // model.side_stride) == (5, 16)


@pytest.mark.parametrize("preset", ["video-smoke", "video-quick"])
def test_the_small_presets_of_films_have_all_backbones_at_one_stride(preset: PresetName) -> None:
    for name in get_args(FilmBackboneName):
        settings = preset_settings(preset, name)
        assert (settings.backbone, settings.model.stride) == (name, PRESETS[preset].model.stride)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--quantizer h264", "h264 is no baseline of pictures"),
        (
            "--preset video-smoke --quantizer opus",
            "opus is no baseline of films: there are block-mean, pca",
        ),
        (
            "--preset video-cpu --backbone vidtok",
            "no sizes for the backbone vidtok, .* video-smoke, video-quick, vidtok",
        ),
        ("--preset video-smoke --backbone vqgan", "preset video-smoke has no sizes for the backbone vqgan"),
        ("--quantizer opus", "opus is no baseline of pictures: there are block-mean, pca, kmeans"),
        ("--preset speech-smoke --quantizer pca", "pca is no baseline of sounds: there are opus, mp3, mdct-kmeans"),
        ("--preset speech-smoke --backbone vqvae", "preset speech-smoke has no sizes for the backbone vqvae"),
        ("--preset smoke --backbone dac", "preset smoke has no sizes for the backbone dac"),
    ],
)
def test_what_belongs_to_another_signal_is_refused_by_name(words: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        plan(parse(shlex.split(words)))


def test_rates_unless_asked_for_others() -> None:
    assert parse([]).bits == (10,)
    assert parse(["--preset", "speech-quick"]).bits == (60,)
    assert parse(["--preset", "speech-quick", "--bits", "30"]).bits == (30,)
    (run,) = (run for run in plan(parse(["--preset", "speech-quick", "--quantizer", "rq"])) if run.quantizer == "rq")
    assert run.bits == 60


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--preset speech-quick --quantizer rq", {"shared": False}),
        ("--preset speech-quick --quantizer rq --options shared=True beam=2", {"shared": True, "beam": 2}),
        ("--preset speech-quick --quantizer pq", {}),
        ("--preset quick --quantizer rq", {}),
    ],
)
def test_rq_of_sounds_has_a_codebook_for_each_depth_unless_told_otherwise(words: str, expected: dict[str, Any]) -> None:
    (run,) = (run for run in plan(parse(shlex.split(words))) if run.quantizer in ("rq", "pq"))
    assert run.options == expected
