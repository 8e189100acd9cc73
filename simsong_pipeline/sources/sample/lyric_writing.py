"""Sample lyrics and titles: verses whose lines follow a song's theme mixture, and a chorus that returns.

The pages carry the debris that a Genius page carries: contributors, section marks, an embed tail.
"""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.sources.sample.latents import LANGUAGES, THEMES
from simsong_pipeline.sources.sample.words import ENGLISH, ENGLISH_FRAMES, OTHERS

CAPTCHA_PAGE = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Make sure you're a human"
    '</h1><form id="challenge-form" action="/verify"></form></body></html>'
)


def write_lines(rng: np.random.Generator, themes: NDArray[np.float64], language: int, count: int) -> list[str]:
    """`count` lines; the theme of each is drawn from the mixture `themes` [10]."""
    drawn = rng.choice(len(THEMES), size=count, p=themes)
    return [_line(rng, THEMES[theme], LANGUAGES[language]) for theme in drawn]


def _line(rng: np.random.Generator, theme: str, language: str) -> str:
    if language != "en":
        return str(rng.choice(OTHERS[language][theme]))
    subjects, verbs, places = ENGLISH[theme]
    text = str(rng.choice(ENGLISH_FRAMES)).format(
        subject=rng.choice(subjects), verb=rng.choice(verbs), place=rng.choice(places)
    )
    return text[0].upper() + text[1:]


def write_title(rng: np.random.Generator, themes: NDArray[np.float64], language: int) -> str:
    """A few words in the song's language about its main theme."""
    theme = THEMES[int(themes.argmax())]
    if LANGUAGES[language] == "en":
        subjects, _, places = ENGLISH[theme]
        words = f"{rng.choice(subjects)} {rng.choice(places)}" if rng.random() < 0.5 else str(rng.choice(subjects))
        return words.title().replace("'S", "'s")
    return " ".join(_line(rng, theme, LANGUAGES[language]).split()[: int(rng.integers(3, 6))])


def write_page(rng: np.random.Generator, title: str, themes: NDArray[np.float64], language: int) -> str:
    """The text of a lyrics page: three verses around a chorus, with the page's debris."""
    chorus = write_lines(rng, themes, language, 4)
    verses = [write_lines(rng, themes, language, int(rng.integers(4, 7))) for _ in range(3)]
    blocks = []
    for number, verse in enumerate(verses, start=1):
        blocks += [f"[Verse {number}]", *verse, "", "[Chorus]", *chorus, ""]
    contributors, shares = int(rng.integers(2, 60)), int(rng.integers(1, 90))
    return f"{contributors} Contributors{title} Lyrics" + "\n".join(blocks).strip() + f"{shares}Embed"
