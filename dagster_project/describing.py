"""What the asset graph shows beside each name: what an asset is made of, and whose it is. No asset is defined here."""

from collections.abc import Sequence

import dagster as dg

OWNERS = ["team:simsong"]
KINDS = {
    "raw": {"polars", "parquet"},
    "catalogue": {"polars", "parquet"},
    "features": {"onnx", "numpy"},
    "training": {"pytorch"},
    "export": {"onnx"},
    "embeddings": {"onnx", "parquet"},
    "evaluation": {"numpy", "parquet"},
    "index": {"qdrant"},
}


def described(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets with owners and with the kinds of their group."""
    return list(dg.map_asset_specs(_described, assets))


def _described(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec.merge_attributes(kinds=KINDS[spec.group_name or ""]).replace_attributes(owners=OWNERS)
