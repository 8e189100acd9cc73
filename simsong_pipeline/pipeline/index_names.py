"""What collections and aliases are called."""

from simsong_pipeline.config import PipelineConfig, Variant


def collection_name(variant: Variant, model_version: str, config: PipelineConfig) -> str:
    """simsong_wns_<first 12 characters of the model version>."""
    return f"{config.store.collection}_{variant}_{model_version[:12]}"


def alias_name(variant: Variant, config: PipelineConfig) -> str:
    """The alias that serves a variant."""
    return f"{config.store.collection}_{variant}"
