from .audio.balancer import (
    Balancer as Balancer,
)
from .audio.dac import (
    DAC as DAC,
)
from .audio.discriminators import (
    Discriminators as Discriminators,
    period_and_band_discriminators as period_and_band_discriminators,
    stft_discriminators as stft_discriminators,
)
from .audio.distances import (
    mel_distance as mel_distance,
    stft_distance as stft_distance,
    waveform_distance as waveform_distance,
)
from .audio.gan_loss import (
    audio_discriminator_loss as audio_discriminator_loss,
    audio_generator_loss as audio_generator_loss,
    feature_loss as feature_loss,
)
from .audio.loss import (
    AudioLoss as AudioLoss,
)
from .audio.loss_config import (
    AudioLossConfig as AudioLossConfig,
    MelSettings as MelSettings,
    SpectralSettings as SpectralSettings,
)
from .audio.mdct_codec import (
    MDCTCodec as MDCTCodec,
)
from .audio.residual import (
    residual_quantizer as residual_quantizer,
)
from .audio.seanet import (
    SEANetCodec as SEANetCodec,
)
from .audio.sizes import (
    AudioBackboneConfig as AudioBackboneConfig,
    AudioBackboneName as AudioBackboneName,
    DACConfig as DACConfig,
    MDCTConfig as MDCTConfig,
    SEANetConfig as SEANetConfig,
)
from .backbones import (
    code_maps_of as code_maps_of,
    create_tokenizer as create_tokenizer,
)
from .blocks import (
    BlockKMeans as BlockKMeans,
    BlockMean as BlockMean,
    BlockPCA as BlockPCA,
    BlockTokenizer as BlockTokenizer,
)
from .losses import (
    Loss as Loss,
    TrainingLoss as TrainingLoss,
)
from .pictures.discriminator import (
    PatchDiscriminator as PatchDiscriminator,
)
from .pictures.dvae import (
    DVAE as DVAE,
)
from .pictures.loss_config import (
    LossConfig as LossConfig,
)
from .pictures.memory import (
    TrainingMemory as TrainingMemory,
    training_memory as training_memory,
)
from .pictures.sizes import (
    DVAEConfig as DVAEConfig,
    PictureBackboneConfig as PictureBackboneConfig,
    PictureBackboneName as PictureBackboneName,
    TiTokConfig as TiTokConfig,
    ViTConfig as ViTConfig,
    VQGANConfig as VQGANConfig,
    VQVAE2Config as VQVAE2Config,
    VQVAEConfig as VQVAEConfig,
    finest_stride as finest_stride,
    positions_of as positions_of,
)
from .pictures.titok import (
    TiTok as TiTok,
)
from .pictures.vit import (
    ViTTokenizer as ViTTokenizer,
)
from .pictures.vqgan import (
    VQGAN as VQGAN,
)
from .pictures.vqgan_loss import (
    VQGANLoss as VQGANLoss,
)
from .pictures.vqvae import (
    VQVAE as VQVAE,
)
from .pictures.vqvae2 import (
    VQVAE2 as VQVAE2,
)
from .sizes import (
    BACKBONES as BACKBONES,
    BackboneConfig as BackboneConfig,
    BackboneName as BackboneName,
    backbone_of as backbone_of,
    misfit as misfit,
)
from .streaming import (
    State as State,
    StreamingTokenizer as StreamingTokenizer,
    reset as reset,
)
from .tokenizer import (
    OneMapTokenizer as OneMapTokenizer,
    Tokenizer as Tokenizer,
    TokenizerOutput as TokenizerOutput,
    TrainableTokenizer as TrainableTokenizer,
)
from .video.discriminator import (
    PatchDiscriminator3d as PatchDiscriminator3d,
)
from .video.loss import (
    FilmLoss as FilmLoss,
)
from .video.loss_config import (
    FilmLossConfig as FilmLossConfig,
)
from .video.magvit2 import (
    MAGVIT2 as MAGVIT2,
)
from .video.sizes import (
    FilmBackboneConfig as FilmBackboneConfig,
    FilmBackboneName as FilmBackboneName,
    MAGVIT2Config as MAGVIT2Config,
    VidTokConfig as VidTokConfig,
)
from .video.temporal_loss import (
    temporal_difference_loss as temporal_difference_loss,
)
from .video.vidtok import (
    VidTok as VidTok,
)
