"""Names as people type them: small letters without accents and marks, other alphabets in Latin letters.

The form of `asking.finding`, of whole columns: most names are plain, and those are folded without Python.
"""

import polars as pl

from simsong_pipeline.asking.finding import folded


def folded_column(names: pl.Series) -> pl.Series:
    """The folded form of each name; empty for null."""
    each = names.fill_null("").unique()
    is_plain = each.str.contains(r"^[\x20-\x7e]*$")
    plain = each.filter(is_plain)
    others = each.filter(~is_plain)
    forms = pl.concat([_plain_forms(plain), pl.Series([folded(name) for name in others.to_list()], dtype=pl.String)])
    table = pl.DataFrame({"name": pl.concat([plain, others]), "form": forms})
    asked = pl.DataFrame({"name": names.fill_null("")})
    return asked.join(table, on="name", how="left", maintain_order="left")["form"]


def _plain_forms(names: pl.Series) -> pl.Series:
    """Of printable ASCII; a name of marks alone stays."""
    small = names.str.to_lowercase().str.replace_all("`", "'", literal=True)
    words = small.str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars(" ")
    bare = small.str.replace_all(" +", " ").str.strip_chars(" ")
    both = pl.DataFrame({"words": words, "bare": bare})
    form = pl.when(pl.col("words") == "").then("bare").otherwise("words")
    return both.select(form.alias("form"))["form"]
