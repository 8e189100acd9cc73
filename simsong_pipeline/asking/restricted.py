"""What a question may be answered with, and, where nothing is left, which restriction leaves nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.points import Neighbour, Restriction

Ask = Callable[[Choice], list[Neighbour]]
# How a command spells what it restricts.
_OPTIONS = {
    "language": "--language",
    "tags": "--tag",
    "heard_tags": "--tag",
    "year": "--since/--until",
    "duration_s": "--min-seconds/--max-seconds",
    "tempo_bpm": "--min-tempo/--max-tempo",
    "loudness_db": "--min-loudness/--max-loudness",
}


@dataclass(frozen=True)
class Named:
    """A song that was meant."""

    track_id: str
    name: str


@dataclass(frozen=True)
class Answer:
    """The songs that were meant, and what was found for them.

    Attributes:
        nothing: which restrictions left no song, where none was found.
    """

    meant: list[Named]
    neighbours: list[Neighbour]
    nothing: str = ""


@dataclass(frozen=True)
class Asked:
    """A choice with its restrictions, each by the name of what asks for it.

    Attributes:
        wanted: of the question itself.
        unasked: that hold for every question.
    """

    choice: Choice
    wanted: Mapping[str, Restriction]
    unasked: Mapping[str, Restriction]

    def of(self, meant: list[Named], ask: Ask, otherwise: str = "the index holds no other") -> Answer:
        """The answer, with the reason where there is none.

        Args:
            otherwise: the reason where nothing is restricted.
        """
        found = ask(self._with({**self.wanted, **self.unasked}))
        return Answer(meant, found, "" if found else f"no song fits: {self._reason(ask, otherwise)}")

    def _with(self, parts: Mapping[str, Restriction]) -> Choice:
        return replace(self.choice, restriction=together(list(parts.values())))

    def _reason(self, ask: Ask, otherwise: str) -> str:
        """The restrictions that leave no song, each asked of the index by itself."""
        parts, one = {**self.wanted, **self.unasked}, Choice(1)
        if not ask(one):
            return otherwise
        alone = [name for name, part in parts.items() if not ask(replace(one, restriction=part))]
        limits = (("--per-artist", self.choice.per_artist), ("--per-album", self.choice.per_album))
        alone += [f"{name} {most}" for name, most in limits if most is not None and not ask(_limited(name, most))]
        if alone:
            return f"{' and '.join(alone)} leave{'s' if len(alone) == 1 else ''} none"
        freeing = [name for name in self.unasked if self._frees([name], parts, ask)]
        if not freeing and self._frees(list(self.unasked), parts, ask):
            freeing = list(self.unasked)  # each of them alone hides the same songs
        kept = [*self.wanted, *freeing, *(f"{name} {most}" for name, most in limits if most is not None)]
        return f"{', '.join(kept)} leave none together" if len(kept) > 1 else f"{kept[0]} leaves none"

    def _frees(self, names: Sequence[str], parts: Mapping[str, Restriction], ask: Ask) -> bool:
        """Whether a song would be left without these restrictions."""
        return bool(ask(self._with({other: part for other, part in parts.items() if other not in names})))


def _limited(name: str, most: int) -> Choice:
    return Choice(1, per_artist=most) if name == "--per-artist" else Choice(1, per_album=most)


def restriction_of(
    languages: Sequence[str] | None,
    tags: Sequence[str] | None,
    spans: Mapping[str, tuple[float | None, float | None]],
) -> Restriction:
    """Filters as the index takes them; what names nothing restricts nothing.

    Args:
        spans: the least and the most of payload fields.
    """
    any_of = {name: values for name, values in (("language", languages), ("tags", tags)) if values}
    return Restriction(any_of=any_of, between={name: ends for name, ends in spans.items() if ends != (None, None)})


def together(parts: Sequence[Restriction]) -> Restriction:
    """What all of them let through; they restrict different fields, but for what is left out."""
    if len(parts) == 1:
        return parts[0]
    any_of = {field: values for part in parts for field, values in part.any_of.items()}
    between = {field: ends for part in parts for field, ends in part.between.items()}
    whole = Restriction(any_of=any_of, between=between)
    for part in parts:
        for field, values in part.none_of.items():
            whole = whole.without(field, values)
    return whole


def parts_of(restriction: Restriction) -> dict[str, Restriction]:
    """Each filter by itself, by the option that asks for it."""
    parts = {f"{_OPTIONS[n]} {' or '.join(v)}": Restriction(any_of={n: v}) for n, v in restriction.any_of.items()}
    return parts | {_span(n, v): Restriction(between={n: v}) for n, v in restriction.between.items()}


def _span(field: str, ends: tuple[float | None, float | None]) -> str:
    names = _OPTIONS[field].split("/")
    return " ".join(f"{name} {end:g}" for name, end in zip(names, ends, strict=True) if end is not None)
