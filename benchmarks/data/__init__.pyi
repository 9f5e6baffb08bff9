from .batches import (
    chosen_batches as chosen_batches,
    pair_batches as pair_batches,
    test_batches as test_batches,
    training_batches as training_batches,
)
from .config import (
    DataConfig as DataConfig,
    DataError as DataError,
)
from .division import (
    Part as Part,
)
from .opening import (
    ONE_PASS as ONE_PASS,
    Data as Data,
    EvaluationData as EvaluationData,
    open_data as open_data,
    open_evaluation_data as open_evaluation_data,
)
from .pairs import (
    PicturePairs as PicturePairs,
    open_pairs as open_pairs,
)
from .recordings import (
    items_to_test as items_to_test,
)
from .transforms import (
    centre_crop as centre_crop,
    to_rgb as to_rgb,
    to_tensor as to_tensor,
)
