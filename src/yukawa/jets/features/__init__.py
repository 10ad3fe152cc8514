"""What a network sees of a jet: data configs, their expressions, and the encoder."""

from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.features.encoder import FeatureEncoder

__all__ = ["DataConfig", "FeatureEncoder", "load_data_config"]
