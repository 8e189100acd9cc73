"""Identifiers and invented names in the forms that the Million Song Dataset uses."""

import string
from collections.abc import Callable

import numpy as np

ADJECTIVES = tuple(
    [
        "Amber",
        "Broken",
        "Copper",
        "Distant",
        "Electric",
        "Faded",
        "Golden",
        "Hollow",
        "Iron",
        "Jade",
        "Lucid",
        "Marble",
        "Northern",
        "Open",
        "Paper",
        "Quiet",
        "Restless",
        "Silver",
        "Tidal",
        "Velvet",
        "Wandering",
        "Young",
        "Salted",
        "Crooked",
    ]
)
NOUNS = tuple(
    [
        "Anchors",
        "Bridges",
        "Comets",
        "Deltas",
        "Engines",
        "Foxes",
        "Gardens",
        "Harbours",
        "Islands",
        "Lanterns",
        "Meadows",
        "Orchards",
        "Pilots",
        "Rivers",
        "Satellites",
        "Tigers",
        "Umbrellas",
        "Voyagers",
        "Windows",
        "Yards",
        "Mirrors",
        "Pockets",
        "Sparrows",
        "Tramways",
    ]
)
FIRST = tuple(
    [
        "Ada",
        "Bruno",
        "Célia",
        "Dario",
        "Elif",
        "Faye",
        "Goran",
        "Hanna",
        "Ivo",
        "Júlia",
        "Kofi",
        "Lena",
        "Mateo",
        "Nadia",
        "Otto",
        "Pia",
    ]
)
LAST = tuple(
    [
        "Almeida",
        "Berg",
        "Castell",
        "Dahl",
        "Eriksen",
        "Förster",
        "Gallo",
        "Hoang",
        "Ibarra",
        "Jansen",
        "Kovač",
        "Laurent",
        "Moreau",
    ]
)


def identifier(prefix: str, marker: str, rng: np.random.Generator) -> str:
    """18 characters: prefix, five capital letters, the marker, hexadecimal digits."""
    letters = "".join(rng.choice(list(string.ascii_uppercase), 5))
    digits = "".join(rng.choice(list("0123456789ABCDEF"), 18 - len(prefix) - 5 - len(marker)))
    return f"{prefix}{letters}{marker}{digits}"


def track_id(rng: np.random.Generator) -> str:
    """TR + 5 letters + 128F + 7 hexadecimal digits."""
    return identifier("TR", "128F", rng)


def song_id(rng: np.random.Generator) -> str:
    """SO + 5 letters + 12A + 8 hexadecimal digits."""
    return identifier("SO", "12A", rng)


def artist_id(rng: np.random.Generator) -> str:
    """AR + 5 letters + 1187B + 6 hexadecimal digits."""
    return identifier("AR", "1187B", rng)


def artist_name(rng: np.random.Generator) -> str:
    """A band (The Quiet Harbours) or a person (Célia Dahl)."""
    if rng.random() < 0.5:
        return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def release_name(rng: np.random.Generator) -> str:
    """An album title (Distant Lanterns)."""
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def distinct(make: Callable[[np.random.Generator], str], count: int, rng: np.random.Generator) -> list[str]:
    """`count` different names in the order drawn; after 50 draws that were all taken a name gets a number."""
    names: dict[str, None] = {}
    while len(names) < count:
        drawn = (make(rng) for _ in range(50))
        fresh = next((name for name in drawn if name not in names), None)
        names[fresh or f"{make(rng)} {len(names)}"] = None
    return list(names)
