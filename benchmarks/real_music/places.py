"""Where patches of three seconds are taken from a recording: how many, and how they lie."""

from collections.abc import Callable

import numpy as np

from simsong_pipeline.audio.musicnn_front_end import PATCH_FRAMES, even_starts

# Of a recording's frames and seed, the frames that its patches begin at. As in the product, a recording that has not so
# many patches side by side has fewer.
Places = Callable[[int, int], list[int]]

COUNTS = (1, 2, 3, 4, 6, 8)
DRAWS = 2


def even(count: int) -> Places:
    """Spread over the whole recording, as they are served."""
    return lambda frames, _: even_starts(frames, count)


def spacings(count: int) -> dict[str, Places]:
    """Other ways for as many patches to lie, by name; those that are drawn have one for each draw."""
    drawn = {f"random_{draw}": _random(count, draw) for draw in range(DRAWS)}
    return {"beginning": _beginning(count), "middle": _middle(count), "middle_half": _middle_half(count), **drawn}


def named_places(count: int) -> dict[str, Places]:
    """All that a recording is heard at: so many patches in every way, and other counts of them evenly."""
    evenly = {f"even_{c}": even(c) for c in sorted({*COUNTS, count})}
    return evenly | {f"{name}_{count}": places for name, places in spacings(count).items()}


def _fitting(frames: int, count: int) -> int:
    return max(1, min(count, frames // PATCH_FRAMES))


def _beginning(count: int) -> Places:
    """One after the other from the first frame on."""
    return lambda frames, _: [n * PATCH_FRAMES for n in range(_fitting(frames, count))]


def _middle(count: int) -> Places:
    """One after the other around the middle."""

    def places(frames: int, seed: int) -> list[int]:
        fitting = _fitting(frames, count)
        first = max(0, frames - fitting * PATCH_FRAMES) // 2
        return [first + n * PATCH_FRAMES for n in range(fitting)]

    return places


def _middle_half(count: int) -> Places:
    """Their middles spread over the second and third quarter; where these are short, the patches overlap."""

    def places(frames: int, seed: int) -> list[int]:
        fitting = _fitting(frames, count)
        middles = frames / 4 + (np.arange(fitting) + 0.5) * frames / 2 / fitting
        room = max(0, frames - PATCH_FRAMES)
        return [int(start) for start in np.clip(np.round(middles - PATCH_FRAMES / 2), 0, room)]

    return places


def _random(count: int, draw: int) -> Places:
    """Anywhere, side by side or apart, never overlapping."""

    def places(frames: int, seed: int) -> list[int]:
        fitting = _fitting(frames, count)
        room = max(0, frames - fitting * PATCH_FRAMES)
        gaps = np.sort(np.random.default_rng([seed, draw]).integers(0, room + 1, fitting))
        return [int(gap) + n * PATCH_FRAMES for n, gap in enumerate(gaps)]

    return places
