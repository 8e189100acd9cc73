"""The parameters of a request: of its address, and of its body where that is a form (`formPost`)."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request

from simsong_pipeline.service.subsonic.refusals import MissingParameterError, RefusedError

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20_000
# Beyond every list.
_MOST = 2**31 - 1
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class Parameters:
    """Names with their values, in the order in which they were given."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def every(self, name: str) -> list[str]:
        """All values that are not empty."""
        return [value for value in self._values.get(name, ()) if value]

    def text(self, name: str) -> str | None:
        """The last value; null for none, and for an empty one."""
        return (self._values.get(name) or [""])[-1] or None

    def needed(self, name: str) -> str:
        """The last value.

        Raises:
            MissingParameterError: there is none, or it is empty.
        """
        value = self.text(name)
        if value is None:
            raise MissingParameterError(name)
        return value

    def given(self, name: str) -> str:
        """The last value, which may be empty; raises as `needed` where there is none."""
        if name not in self._values:
            raise MissingParameterError(name)
        return self._values[name][-1]

    def number(self, name: str, otherwise: int, most: int = _MOST) -> int:
        """A whole number, brought between 0 and `most`.

        Raises:
            RefusedError: it is none.
        """
        value = self.text(name)
        return otherwise if value is None else min(max(_whole(name, value), 0), most)

    def year(self, name: str) -> int | None:
        """A whole number, whatever its size; raises as `number`."""
        value = self.text(name)
        return None if value is None else min(max(_whole(name, value), -_MOST), _MOST)

    def flag(self, name: str) -> bool | None:
        """True or false; null where it is not given.

        Raises:
            RefusedError: it is neither.
        """
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in (*_TRUE, *_FALSE):
            raise RefusedError(f"{name} is true or false, not {value[:50]!r}")
        return value.lower() in _TRUE


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise RefusedError(f"{name} is a whole number, not {value[:50]!r}") from error


async def parameters_of(request: Request) -> Parameters:
    """Those of the address before those of the form, which count where only one value does.

    Raises:
        RefusedError: there are more than anybody needs.
    """
    texts = [request.scope["query_string"]]
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        texts.append(await request.body())
    return Parameters([pair for text in texts for pair in _pairs(text)])


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise RefusedError(f"more than {_MOST_FIELDS} parameters") from error
