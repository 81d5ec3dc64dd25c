"""Lines that say how far the bench is."""

import time

_BEGUN = time.perf_counter()


def say(text: str) -> None:
    print(f"[{time.perf_counter() - _BEGUN:6.1f} s] {text}", flush=True)
