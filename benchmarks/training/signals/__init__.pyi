from .choice import (
    signal_of as signal_of,
    signal_of_data as signal_of_data,
)
from .signal import (
    Measured as Measured,
    PartData as PartData,
    Signal as Signal,
    SignalData as SignalData,
)
