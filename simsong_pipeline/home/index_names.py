"""What collections and aliases are called."""

from simsong_pipeline.config import PipelineConfig, Variant

# Of the vector `song`: since the third there is a number in it for what missing lyrics count as.
_LAYOUT = "v3"


def collection_name(variant: Variant, model_version: str, config: PipelineConfig) -> str:
    """simsong_wns_<first 12 characters of the model version>_<layout of a song's vector>."""
    return f"{config.store.collection}_{variant}_{model_version[:12]}_{_LAYOUT}"


def is_of_this_layout(collection: str) -> bool:
    """Whether a collection's vectors are laid out as this version of SimSong asks for them."""
    return collection.endswith(f"_{_LAYOUT}")


def alias_name(variant: Variant, config: PipelineConfig) -> str:
    """The alias that serves a variant."""
    return f"{config.store.collection}_{variant}"
