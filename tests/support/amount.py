"""How much of what has no end a run of the tests tries: little by itself, more when the environment asks for it."""

import os


def amount(name: str, usual: int) -> int:
    return int(os.environ.get(name, "") or usual)
