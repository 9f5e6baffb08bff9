from .choice import (
    signal_of as signal_of,
    signal_of_data as signal_of_data,
)
from .coded import (
    CodedSignal as CodedSignal,
    PartData as PartData,
)
from .signal import (
    Measured as Measured,
    Signal as Signal,
    SignalData as SignalData,
)
