"""From a stored run back to what it was made from: its configuration and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from autoencoders.sizes import BACKBONES
from benchmarks.command_line.usage import UsageError
from benchmarks.data import DataError
from benchmarks.records import baselines
from benchmarks.records.record import DEFAULT_BACKBONE, ELSEWHERE, Record, items, same_content, trained_content
from benchmarks.training.models import make_quantizer, weights_digest
from benchmarks.training.resolved import ResolvedRun
from benchmarks.training.settings import SIGNALS, RunConfig, run_id, settings_digest
from benchmarks.training.signals import SignalData, signal_of, signal_of_data
from quantizers.registry import source_digest
from storage.paths import StrPath, from_printable


def configuration(path: StrPath, stored: Record) -> RunConfig:
    """The configuration that the stored run was made from.

    Raises:
        UsageError: this version of the program measures otherwise, or has other settings; or it is no run but the
            evaluation of one on other data.
    """
    if stored.preset == ELSEWHERE:
        raise UsageError(f"{path}: {stored.quantizer.name} was trained elsewhere: an evaluation, and no run")
    if not stored.is_run:
        raise UsageError(f"{path}: an evaluation on other data, and no run; give the run that it is of")
    how = f"; check out the commit that made it, {stored.environment.commit or 'which is not known'}"
    try:
        run = TypeAdapter(RunConfig).validate_python(_with_types(stored.config))
        data = replace(run.settings.data, source=from_printable(run.settings.data.source))
        run = replace(run, settings=replace(run.settings, data=data))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(f"{path}: its configuration is not one of this version ({where}){how}") from error
    protocol = signal_of(run.settings).protocol
    if stored.protocol != protocol:
        raise UsageError(f"{path}: measured under {stored.protocol}, and this version measures under {protocol}{how}")
    if run_id(run, settings_digest(run.settings, protocol, stored.data["fingerprint"])) != stored.id:
        raise UsageError(f"{path}: its configuration is not one of this version, which has other settings{how}")
    return run


def _with_types(config: dict[str, Any]) -> dict[str, Any]:
    """A stored configuration whose parts are read as those of its backbone and signal."""
    settings = config.get("settings", {})
    backbone = BACKBONES.get(settings.get("backbone", DEFAULT_BACKBONE))
    if backbone is None:
        return config
    signal = next(parts for parts in SIGNALS.values() if backbone in parts.backbones)
    types = {"data": signal.data, "model": backbone, "loss": signal.loss}
    parts = {name: TypeAdapter(kind).validate_python(settings.get(name)) for name, kind in types.items()}
    return {**config, "settings": {**settings, **parts}}


def rebuild(path: StrPath, stored: Record, source: str | None, lpips_backbone: StrPath | None) -> RunConfig:
    """The configuration of the new run: the stored one, with files that lie elsewhere on this machine.

    Args:
        path: The stored run's file.
        stored: What it holds.
        source: Where the data are, if elsewhere.
        lpips_backbone: Where the weights of LPIPS's backbone are, if elsewhere.

    Raises:
        ValueError: the quantizer or the perceptual loss cannot be had here.
    """
    lpips_backbone = None if lpips_backbone is None else Path(lpips_backbone)
    path = Path(path)
    run = configuration(path, stored)
    if ":" in run.quantizer:
        try:
            run = replace(run, code=source_digest(run.quantizer))
        except ValueError as error:
            raise UsageError(f"{path}: {error}; start the command where that module can be imported") from error
    if run.quantizer not in baselines.NAMES:
        make_quantizer(run)
        if run.settings.start is not None:
            run = replace(run, start_weights=weights_digest(run.settings.start))
            require_same_start(path, stored, run)
    data = run.settings.data if source is None else run.settings.data.elsewhere(source)
    loss, _ = signal_of(run.settings).choose_loss(run.settings.loss, lpips_backbone)
    return replace(run, settings=replace(run.settings, data=data, loss=loss))


def open_own_data(path: StrPath, stored: Record, config: Any) -> SignalData:
    """The data of the stored run.

    Raises:
        UsageError: they are not there, or others are.
    """
    try:
        data = signal_of_data(config).open(config)
    except DataError as error:
        raise UsageError(
            f"{path}: its data are not at hand ({error}); say where {stored.data['name']} is by --data"
        ) from error
    require_same_data(path, stored, data)
    return data


def require_same_data(path: StrPath, stored: Record, data: SignalData) -> None:
    """Raise UsageError unless these are the data of the stored run."""
    content = trained_content(data.record)
    if data.record["fingerprint"] != stored.data["fingerprint"] or not same_content(stored.trained_content, content):
        here, then = (f"{items(of['train'])} + {items(of['test'])}" for of in (data.record, stored.data))
        raise UsageError(
            f"{path}: the data of {data.record['source']} ({here}, to train and to test on) are not those that it "
            f"was made with ({then}), or not the same bytes; say where {stored.data['name']} is by --data"
        )


def require_same(stored: Record, now: ResolvedRun) -> None:
    """Raise UsageError where what is stored under the name of a run is of other training data, or began from other
    weights."""
    require_same_content(now.path, stored.data, now.data.record)
    require_same_start(now.path, stored, now.asked)


def require_same_start(path: StrPath, stored: Record, now: RunConfig) -> None:
    """Raise UsageError where a stored run began from other weights of the run that is named."""
    if not same_content(stored.config.get("start_weights"), now.start_weights):
        raise UsageError(
            f"{path}: began from other weights than those that are now beside {now.settings.start}, a run that was "
            "made again since; bring those back, store what these give in another folder, or delete it"
        )


def require_same_content(path: StrPath, stored: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UsageError where what is stored under a name is of other training data.

    Args:
        path: Its file; the name tells data apart by their names and sizes alone.
        stored: What its record says of the data.
        now: The same of those at hand.
    """
    if not same_content(trained_content(stored), trained_content(now)):
        raise UsageError(
            f"{path}: made with other training data of the same names and sizes; bring those back, store what "
            "these give in another folder, or delete it"
        )
