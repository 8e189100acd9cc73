"""Lyrics as bags of words: weights and reduction beside references, and a home that uses them."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of
from sklearn.feature_extraction.text import TfidfTransformer

from simsong_pipeline.config import BagsConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.bag_files import BagFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.bag_fitting import fit_bags
from simsong_pipeline.lyrics.bags import tf_idf, word_counts
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.sources.musixmatch import lyric_pages
from simsong_pipeline.stages.catalogue_stages import make_lyric_embeddings
from simsong_pipeline.stages.training_stage import recipe_of

THEMES = (
    "sea wave ship harbour sail",
    "snow ice winter frost cold",
    "road car wheel night drive",
    "rose love heart kiss",
)
CONFIG = BagsConfig(embed=True, words=60, dim=8)


def planted(songs: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts of which each is mostly of one theme's words, and the theme of each."""
    rng = np.random.default_rng(seed)
    common, themes = ["i", "you", "the", "and"], rng.integers(len(THEMES), size=songs).tolist()
    texts = []
    for theme in themes:
        own = rng.choice(THEMES[theme].split(), 12).tolist()
        texts.append(
            " ".join([*own, *rng.choice(common, 20).tolist(), *rng.choice(" ".join(THEMES).split(), 2).tolist()])
        )
    return texts, themes


def test_weights_are_those_of_another_implementation() -> None:
    texts, _ = planted(40, 0)
    model = fit_bags([*texts, ""], CONFIG)
    counts = word_counts([*texts, "", "unheard of"], model.places)
    reference = TfidfTransformer(norm="l2", smooth_idf=True, sublinear_tf=True).fit(counts[:-1])
    np.testing.assert_allclose(model.idf, reference.idf_, rtol=1e-6)
    np.testing.assert_allclose(tf_idf(counts, model.idf).toarray(), reference.transform(counts).toarray(), atol=1e-6)


def test_words_are_counted_letter_case_aside() -> None:
    texts = ["Sea, sea SEA wave", "wave", "", "i'm I’m"]
    places = {"sea": 0, "wave": 1, "i": 2, "m": 3}
    assert word_counts(texts, places).toarray().tolist() == [[3, 1, 0, 0], [0, 1, 0, 0], [0] * 4, [0, 0, 2, 2]]


def test_words_of_most_songs_are_those_that_count() -> None:
    texts = ["a b c c c c", "a b", "a d"]
    assert fit_bags(texts, BagsConfig(words=10)).words == ("a", "b", "c", "d")
    many = [" ".join(f"w{n:02}" for n in range(song, 30)) for song in range(30)]
    assert fit_bags(many, BagsConfig(words=10)).words == tuple(f"w{n:02}" for n in range(29, 19, -1))


def test_reduction_is_the_best_of_its_rank() -> None:
    """As near to the weights as the singular value decomposition is, by squares."""
    texts, _ = planted(80, 1)
    model = fit_bags(texts, BagsConfig(words=60, dim=6))
    weights = tf_idf(word_counts(texts, model.places), model.idf).toarray()
    left, values, right = np.linalg.svd(weights, full_matrices=False)
    best = np.linalg.norm(weights - (left[:, :6] * values[:6]) @ right[:6])
    found = np.linalg.norm(weights - weights @ model.components @ model.components.T)
    assert found <= 1.001 * best


@pytest.mark.parametrize("seed", [2, 3])
def test_songs_of_one_theme_are_nearest_also_those_that_came_later(seed: int) -> None:
    texts, _ = planted(100, seed)
    new, themes = planted(30, seed + 100)
    vectors = fit_bags(texts, CONFIG).embed(new)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors.T - 2 * np.eye(len(new))
    nearest = cosines.argmax(axis=1)
    assert np.mean([themes[n] == themes[m] for n, m in enumerate(nearest)]) > 0.8


def test_a_text_without_a_known_word_has_no_direction() -> None:
    texts, _ = planted(20, 4)
    assert not fit_bags(texts, CONFIG).embed(["zzz yyy", ""]).any()


def test_counts_of_a_bag_reach_the_lyrics_as_they_are() -> None:
    """Words that pages have around lyrics are words like others here."""
    words = ["i", "you", "love", "lyric", "verse", "instrument", "embed", "see", "read"]
    rng = np.random.default_rng(5)
    bags = {f"TR{n:016d}": rng.integers(0, 40, len(words)) for n in range(20)}
    lines = [f"{t},1," + ",".join(f"{i + 1}:{c}" for i, c in enumerate(counts) if c) for t, counts in bags.items()]
    pages = lyric_pages([f"%{','.join(words)}\n", *lines])
    lyrics = build_lyrics(pl.DataFrame({"track_id": list(bags)}), [pages])
    assert set(lyrics["status"]) == {"ok"}
    for track_id, text in lyrics.select("track_id", "text").rows():
        expected = {word: int(c) for word, c in zip(words, bags[track_id], strict=True) if c}
        assert dict(Counter(text.split())) == expected


@pytest.fixture
def bag_home(run_copy: Workspace) -> Workspace:
    """A finished home, its lyric vectors to be made anew."""
    return run_copy


def _made(home: Workspace, lyrics: pl.DataFrame, **wishes: bool) -> pl.DataFrame:
    run = run_of(home, config=SMALL_CONFIG.model_copy(update={"bags": CONFIG}), **wishes)
    return home.write("lyric_embeddings", make_lyric_embeddings(run, lyrics).frame)


def test_a_home_fits_once_and_embeds_what_comes_by_the_same_numbers(bag_home: Workspace) -> None:
    lyrics = bag_home.read("lyrics")
    sung = lyrics.filter(status="ok")["track_id"].sort().to_list()
    before = _made(bag_home, lyrics.filter(pl.col("track_id") != sung[0]))
    file = BagFiles(bag_home.bag_models, CONFIG).path
    assert file is not None
    content = file.read_bytes()
    after = _made(bag_home, lyrics)
    assert file.read_bytes() == content
    assert set(after["track_id"]) == {*before["track_id"], sung[0]} == set(sung)
    assert after.filter(pl.col("track_id") != sung[0]).equals(before)
    assert set(after["model"]) == {file.stem}


def test_judged_songs_have_no_part_in_what_is_fitted(bag_home: Workspace) -> None:
    lyrics, test = bag_home.read("lyrics"), bag_home.read("splits").filter(split="test")
    _made(bag_home, lyrics)
    file = BagFiles(bag_home.bag_models, CONFIG).path
    assert file is not None
    file.unlink()
    others = pl.when(pl.col("track_id").is_in(test["track_id"].to_list())).then(pl.lit("other words of the test"))
    changed = lyrics.with_columns(others.otherwise(pl.col("text")).alias("text"))
    _made(bag_home, changed, retrain=True)
    assert BagFiles(bag_home.bag_models, CONFIG).path == file


def test_a_model_that_is_gone_is_not_made_anew_unasked(bag_home: Workspace) -> None:
    lyrics = bag_home.read("lyrics")
    _made(bag_home, lyrics)
    next(bag_home.bag_models.glob("*")).unlink()
    with pytest.raises(ModelError, match="--retrain"):
        _made(bag_home, lyrics)
    assert _made(bag_home, lyrics, retrain=True).height


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:40] + b"x" + data[41:], lambda _: b""])
def test_a_damaged_model_is_named(tmp_path: Path, damage: "type[bytes]") -> None:
    files = BagFiles(tmp_path, CONFIG)
    version = files.write(fit_bags(planted(20, 6)[0], CONFIG))
    path = tmp_path / f"{version}.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=f"{version}.* damaged"):
        files.read()


def test_questions_are_embedded_as_lyrics_are(tmp_path: Path) -> None:
    files, texts = BagFiles(tmp_path, CONFIG), planted(30, 7)[0]
    with pytest.raises(ModelError, match="simsong run"):
        files.question("sea")
    model = fit_bags(texts, CONFIG)
    files.write(model)
    np.testing.assert_array_equal(files.question("Snow and ICE"), model.embed(["snow ice and"])[0])
    with pytest.raises(ModelError, match="none of these words"):
        files.question("qwertz")


def test_settings_of_bags_count_only_where_they_are_used() -> None:
    plain = SMALL_CONFIG
    unused = plain.model_copy(update={"bags": BagsConfig(words=77)})
    used = [plain.model_copy(update={"bags": BagsConfig(embed=True, words=words)}) for words in (77, 78)]
    assert recipe_of("ns", plain) == recipe_of("ns", unused)
    assert len({recipe_of("ns", config) for config in (plain, *used)}) == 3
    assert len({BagFiles(Path(), config.bags).prefix for config in used}) == 2


def test_too_few_songs_with_lyrics_have_no_vectors_yet(bag_home: Workspace) -> None:
    lyrics = bag_home.read("lyrics")
    few = lyrics.filter(status="ok").head(3)
    assert _made(bag_home, few).is_empty()
    assert BagFiles(bag_home.bag_models, CONFIG).path is None
    assert _made(bag_home, lyrics).height == lyrics.filter(status="ok").height
