"""What the asset graph shows beside each name: what an asset is made of, whose it is, how old it may be.

No asset is defined here.
"""

from collections.abc import Sequence

import dagster as dg

from dagster_project.freshness import policy_of

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
    """The assets with owners, with the kinds of their group, and with how old they may be."""
    return list(dg.map_asset_specs(_described, assets))


def _described(spec: dg.AssetSpec) -> dg.AssetSpec:
    told = spec.merge_attributes(kinds=KINDS[spec.group_name or ""]).replace_attributes(owners=OWNERS)
    policy = policy_of(spec.key)
    return told if policy is None else told.replace_attributes(freshness_policy=policy)
