from .cosmos import (
    load_cosmos as load_cosmos,
)
from .dac import (
    load_dac as load_dac,
)
from .diffusers import (
    load_diffusers as load_diffusers,
)
from .encodec import (
    load_encodec as load_encodec,
    load_encodec_in_segments as load_encodec_in_segments,
)
from .files import (
    WeightsError as WeightsError,
    read_tensors as read_tensors,
)
from .llamagen import (
    load_llamagen as load_llamagen,
)
from .mimi import (
    load_mimi as load_mimi,
)
from .model import (
    Films as Films,
    Pictures as Pictures,
    Pretrained as Pretrained,
    Sounds as Sounds,
)
from .registry import (
    find_pretrained as find_pretrained,
    list_pretrained as list_pretrained,
    load_pretrained as load_pretrained,
)
from .snac import (
    load_snac as load_snac,
)
from .taming import (
    load_taming as load_taming,
)
from .var import (
    load_var as load_var,
)
from .vidtok import (
    load_vidtok as load_vidtok,
)
