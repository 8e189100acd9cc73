"""How a server over HTTP is asked again where that may go well: with growing pauses, or those that it asks for."""

import random
from collections.abc import Callable

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay

# Busy, or its gateway has no word of it: the question itself is fine.
BUSY = frozenset({408, 425, 429, 502, 503, 504})
BROKEN = (httpx.TimeoutException, httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
_FIRST_S, _LONGEST_S = 0.5, 10.0


def retrying(
    retry_s: float,
    may_go_well: Callable[[BaseException], bool],
    asked_for: Callable[[BaseException | None], float],
    before_sleep: Callable[[RetryCallState], None],
) -> Retrying:
    """Calls what it is given until `retry_s` seconds have passed since the first try; the last try's error is raised.

    Args:
        asked_for: seconds that the server asks for with an error; 0 where it does not.
    """

    def pause(state: RetryCallState) -> float:
        """What the server asks for, else half a second, one, two, …, ten, each up to a quarter longer."""
        asked = asked_for(state.outcome.exception() if state.outcome is not None else None)
        grown = min(_LONGEST_S, _FIRST_S * 2.0 ** (state.attempt_number - 1))
        return max(grown, asked) * (1 + 0.25 * random.random())

    return Retrying(
        retry=retry_if_exception(may_go_well),
        wait=pause,
        stop=stop_before_delay(retry_s),
        before_sleep=before_sleep,
        reraise=True,
    )
