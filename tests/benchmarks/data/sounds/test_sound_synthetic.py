"""Speech-like sound made by a program."""

import numpy as np

from benchmarks.data.sounds import SoundConfig, open_sounds
from benchmarks.data.sounds.synthetic import RATE, SECONDS, SOUNDS_EACH, SPEAKERS_TO_TEST, make_speech, open_synthetic


def test_the_same_numbers_give_the_same_sound_and_others_another() -> None:
    one = make_speech(1, 0)
    assert one.shape == (SECONDS * RATE,)
    np.testing.assert_array_equal(make_speech(1, 0), one)
    others = [make_speech(1, 1), make_speech(2, 0)]
    assert all(abs(np.corrcoef(one, other)[0, 1]) < 0.2 for other in others)


def test_it_has_pauses_and_most_of_its_energy_where_voices_have_it() -> None:
    sound = make_speech(3, 0)
    assert np.abs(sound).max() == 0.5
    levels = np.sqrt((sound.reshape(-1, 320) ** 2).mean(1))
    assert levels.min() < 0.01 * levels.max()
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert power[(hertz > 70) & (hertz < 4000)].sum() > 0.9 * power.sum()


def test_voices_that_test_are_others_than_those_that_train(console) -> None:
    source = open_synthetic()
    train = source.open_train()
    voices = [{of.name(number).split(" sound")[0] for number in range(len(of))} for of in (train, source.test)]
    assert not voices[0] & voices[1]
    data = open_sounds(SoundConfig(limit_train=2, limit_test=3), console)
    assert data.record["name"] == "synthetic"
    assert (len(data.train), len(data.test)) == (2, 3)
    assert len(source.test) == SPEAKERS_TO_TEST * SOUNDS_EACH
