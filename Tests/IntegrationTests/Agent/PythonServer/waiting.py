"""Waiting for facts, never for a time."""

import asyncio
from collections.abc import Callable
from typing import Any


class Failed(Exception):
    """What a scenario is about isn't so."""


def expect(condition: Any, text: str) -> None:
    """Like assert, with a text that says what was seen."""
    if not condition:
        raise Failed(text)


def expect_equal(seen: Any, wanted: Any, what: str) -> None:
    if isinstance(seen, set) and seen != wanted:
        raise Failed(
            f"{what}: {len(seen)}, without {shortened(sorted(wanted - seen))}, "
            f"with {shortened(sorted(seen - wanted))} that shouldn't be there"
        )
    if seen != wanted:
        raise Failed(f"{what}: {shortened(seen)} instead of {shortened(wanted)}")


def shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:200]} … {text[-80:]} ({len(value)} long)"


async def eventually(
    what: str, condition: Callable[[], Any], *, within: float = 20, seen: Callable[[], Any] = str
) -> Any:
    """Looks again and again until `condition` gives something true, which is returned."""
    end = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < end:
        if value := condition():
            return value
        await asyncio.sleep(0.01)
    raise Failed(f"{what}: not within {within} s; last seen: {shortened(seen())}")


class Limit:
    """`async with Limit(what)`: the block ends within a time, or says what it waited for."""

    def __init__(self, what: str, within: float = 20):
        self._what = what
        self._within = within
        self._timeout = asyncio.timeout(within)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError:
            raise Failed(f"{self._what}: not within {self._within} s") from None
