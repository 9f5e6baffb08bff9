from .config import (
    SoundConfig as SoundConfig,
)
from .opening import (
    SoundData as SoundData,
    SoundTestData as SoundTestData,
    open_sounds as open_sounds,
    open_test_sounds as open_test_sounds,
)
from .pairs import (
    SoundPairs as SoundPairs,
    open_sound_pairs as open_sound_pairs,
)
