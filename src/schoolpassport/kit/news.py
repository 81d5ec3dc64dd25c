"""Announcements: a lower room says what happened, higher rooms listen.

A listener runs in the announcer's transaction, at once, in the order of subscription. If it fails, the announcement
fails and with it the transaction: news is never half told. A listener writes rows and jobs, and nothing else.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Event = TypeVar("Event")

_listeners: dict[type, list[Callable[[Any], object]]] = {}


def subscribe(event_type: type[Event], listener: Callable[[Event], object]) -> None:
    """Hear every announcement of exactly this type. The same listener twice is a wiring mistake: `ValueError`."""
    if not _is_frozen_dataclass(event_type):
        raise TypeError(f"{event_type!r} is not a frozen dataclass: a listener could change what the next one hears")
    listeners = _listeners.setdefault(event_type, [])
    if listener in listeners:
        raise ValueError(f"{listener!r} already listens to {event_type.__name__}")
    listeners.append(listener)


def hears(event_type: type[Event], listener: Callable[[Event], object]) -> bool:
    return listener in _listeners.get(event_type, ())


def announce(event: object) -> None:
    for listener in tuple(_listeners.get(type(event), ())):
        listener(event)


@contextlib.contextmanager
def listening(event_type: type[Event], listener: Callable[[Event], object]) -> Iterator[None]:
    """Listen for the length of a test."""
    subscribe(event_type, listener)
    try:
        yield
    finally:
        _listeners[event_type].remove(listener)


def _is_frozen_dataclass(event_type: type) -> bool:
    parameters = getattr(event_type, "__dataclass_params__", None)
    return dataclasses.is_dataclass(event_type) and bool(getattr(parameters, "frozen", False))
