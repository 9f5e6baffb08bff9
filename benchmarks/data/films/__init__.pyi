from .config import (
    FilmConfig as FilmConfig,
)
from .opening import (
    FilmData as FilmData,
    FilmTestData as FilmTestData,
    open_films as open_films,
    open_test_films as open_test_films,
)
