from .diffusers import (
    load_diffusers as load_diffusers,
)
from .files import (
    WeightsError as WeightsError,
    read_tensors as read_tensors,
)
from .llamagen import (
    load_llamagen as load_llamagen,
)
from .model import (
    Pretrained as Pretrained,
)
from .registry import (
    find_pretrained as find_pretrained,
    list_pretrained as list_pretrained,
    load_pretrained as load_pretrained,
)
from .taming import (
    load_taming as load_taming,
)
from .var import (
    load_var as load_var,
)
