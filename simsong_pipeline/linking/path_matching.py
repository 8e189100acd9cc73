"""Which files two programs mean that see one library below different roots: by how their paths end."""

import polars as pl

# Deeper paths are compared by their last parts.
_DEEPEST = 32
# Of all files that end alike: a pair of roots below which so many lie is no coincidence.
_SHARE, _MANY = 0.05, 20
# Two programs' lengths of one file: some are estimated by the bit rate.
_SECONDS, _PART = 5.0, 0.05
_BETWEEN = "\x00"

SEVERAL = "several songs lie at the end of its path"


def match_paths(server: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """external_id, track_id, is_main, problem: the songs of a server whose paths end as one of the home's does.

    A path means the file that shares most of its last parts, whatever their letter case and composition. What lies in
    front of these has to be so for many songs, because roots are few and names like "01.mp3" are many; lengths have to
    fit.

    Args:
        server: external_id, path, duration_s.
        own: path, track_id, is_main, duration_s.

    Returns:
        Where a path fits several songs, the problem stands in place of the track; other songs are left out.
    """
    theirs, ours = _with_parts(server.drop_nulls("path")), _with_parts(own)
    found = _deepest(theirs, ours)
    several = found.filter(pl.col("tracks") > 1).select(
        "external_id",
        pl.lit(None, pl.String).alias("track_id"),
        pl.lit(None, pl.Boolean).alias("is_main"),
        pl.lit(SEVERAL).alias("problem"),
    )
    single = _of_common_roots(found.filter(pl.col("tracks") == 1)).filter(_lengths_fit())
    fitting = single.select("external_id", "track_id", "is_main", pl.lit(None, pl.String).alias("problem"))
    return pl.concat([fitting, several])


def _with_parts(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs with the list of their path's parts, as spelt and folded."""
    path = pl.col("path").str.normalize("NFC")
    # Windows separates by another mark, which a name may hold elsewhere.
    slashes = (
        pl.when(path.str.contains("/", literal=True))
        .then(path)
        .otherwise(path.str.replace_all("\\", "/", literal=True))
    )
    parts = slashes.str.split("/").list.eval(pl.element().filter(~pl.element().is_in(["", "."])))
    exact = songs.with_columns(parts.alias("exact"))
    folded = pl.col("exact").list.eval(pl.element().str.to_lowercase().str.normalize("NFC"))
    return exact.with_columns(folded.alias("parts"), pl.col("exact").list.len().alias("depth"))


def _deepest(theirs: pl.DataFrame, ours: pl.DataFrame) -> pl.DataFrame:
    """Each of the server's songs beside those of the home that share most of its last parts.

    Columns: external_id, duration_s, tracks (how many songs that are), and of the first of them track_id, is_main,
    own_duration_s, root and own_root (what stands in front).
    """
    left, settled = theirs, []
    deepest = min(_DEEPEST, *(max(songs["depth"].to_list(), default=0) for songs in (theirs, ours)))
    for depth in range(deepest, 0, -1):
        found = _at_depth(left, ours, depth)
        settled.append(found)
        left = left.join(found, on="external_id", how="anti")
    return pl.concat(settled) if settled else _at_depth(theirs, ours, 1)


def _at_depth(theirs: pl.DataFrame, ours: pl.DataFrame, depth: int) -> pl.DataFrame:
    key, spelt = _tail("parts", depth), _tail("exact", depth)
    wanted = theirs.filter(pl.col("depth") >= depth).select(
        "external_id", "duration_s", key.alias("key"), spelt.alias("spelt"), _front(depth).alias("root")
    )
    there = ours.filter(pl.col("depth") >= depth).select(
        "track_id",
        "is_main",
        pl.col("duration_s").alias("own_duration_s"),
        key.alias("key"),
        spelt.alias("own_spelt"),
        _front(depth).alias("own_root"),
    )
    counted = there.sort("is_main", descending=True, maintain_order=True).group_by("key", maintain_order=True)
    groups = counted.agg(
        pl.col("track_id").n_unique().alias("tracks"), pl.exclude("track_id").first(), pl.col("track_id").first()
    )
    found = wanted.join(groups, on="key")
    return _told_apart(found, there).drop("key", "spelt", "own_spelt")


def _told_apart(found: pl.DataFrame, there: pl.DataFrame) -> pl.DataFrame:
    """Songs that several paths fit take the one that is spelt alike to the letter, where there is one."""
    several = found.filter(pl.col("tracks") > 1)
    exact = several.select("external_id", "duration_s", "key", "spelt", "root").join(
        there, left_on=["key", "spelt"], right_on=["key", "own_spelt"], coalesce=True
    )
    alone = exact.filter(pl.col("track_id").n_unique().over("external_id") == 1).unique("external_id", keep="first")
    told = alone.with_columns(pl.lit(1, pl.UInt32).alias("tracks"), pl.col("spelt").alias("own_spelt"))
    return pl.concat([found.join(told, on="external_id", how="anti"), told.select(found.columns)])


def _tail(parts: str, depth: int) -> pl.Expr:
    return pl.col(parts).list.tail(depth).list.join(_BETWEEN)


def _front(depth: int) -> pl.Expr:
    return pl.col("parts").list.head(pl.col("depth") - depth).list.join(_BETWEEN)


def _of_common_roots(found: pl.DataFrame) -> pl.DataFrame:
    """Those below a pair of roots that many share, or most of few do."""
    support = pl.len().over("root", "own_root")
    enough = (support >= _MANY) | (support >= _SHARE * pl.len())
    return found.filter(enough)


def _lengths_fit() -> pl.Expr:
    """Also where one of them is not known."""
    apart = (pl.col("duration_s") - pl.col("own_duration_s")).abs()
    return (apart <= pl.max_horizontal(pl.lit(_SECONDS), _PART * pl.col("own_duration_s"))).fill_null(value=True)
