"""The presets by name, and what a run's own settings differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoencoders.sizes import BackboneConfig, BackboneName
from benchmarks.command_line.flags import as_flags
from benchmarks.records.values import as_command
from benchmarks.training.film_presets import FILM_PRESETS, FILM_SIZES
from benchmarks.training.picture_presets import PICTURE_PRESETS, PICTURE_RATES, PICTURE_SIZES
from benchmarks.training.settings import PresetName, RunConfig, Settings, effective
from benchmarks.training.sound_presets import SOUND_PRESETS, SOUND_SIZES

PRESETS: dict[PresetName, Settings] = PICTURE_PRESETS | SOUND_PRESETS | FILM_PRESETS

SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = PICTURE_SIZES | SOUND_SIZES | FILM_SIZES
"""The presets' networks of the backbones that are not their own."""


def preset_settings(preset: PresetName, backbone: BackboneName | None = None) -> Settings:
    """A preset with the sizes and the learning rate of a backbone, or as it is.

    Raises:
        ValueError: it has none for that backbone.
    """
    settings = PRESETS[preset]
    if backbone is None or backbone == settings.backbone:
        return settings
    if preset not in SIZES[backbone]:
        own = ", ".join(name for name in PRESETS if name in SIZES[backbone] or PRESETS[name].backbone == backbone)
        raise ValueError(f"the preset {preset} has no sizes for the backbone {backbone}, but these have: {own}")
    rate = PICTURE_RATES.get(backbone, settings.train.learning_rate)
    return replace(settings, model=SIZES[backbone][preset], train=replace(settings.train, learning_rate=rate))


def changes(settings: Settings, preset: PresetName) -> dict[str, Any]:
    """The settings that differ from the preset's own, but for the data's source, which every table names."""
    own = effective(preset_settings(preset, settings.backbone))
    backbone = {} if settings.backbone == PRESETS[preset].backbone else {"backbone": settings.backbone}
    other = {name: value for name, value in effective(settings).items() if value != own[name] and name != "data.source"}
    return backbone | other


def command_line(run: RunConfig, changed: Mapping[str, Any]) -> str:
    """The command that makes this run again, its settings being the preset's but for those that are `changed`."""
    words = ["python", "-m", "benchmarks.run", "--quantizer", run.quantizer]
    words += ["--bits"] if run.bits is None else ["--bits", str(run.bits)]
    if run.options:
        words += ["--options", *(f"{name}={value!r}" for name, value in run.options.items())]
    words += ["--preset", run.preset, "--data", run.settings.data.source, "--seed", str(run.seed)]
    return as_command(*words, *as_flags(changed))
