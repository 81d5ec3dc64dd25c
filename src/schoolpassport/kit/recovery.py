"""Failures of other people's systems, named by what to do next. The sentence is for the person who may do it.

No sentence holds a secret, a query string or a person's name: it is stored with a run and shown on pages.
"""


class Retry(Exception):
    """It may work by itself later; ``after`` is how many seconds to wait at least."""

    def __init__(self, after: float, sentence: str) -> None:
        super().__init__(sentence)
        self.after = after
        self.sentence = sentence


class NeedsAttention(Exception):
    """It will not work until somebody does what the sentence says."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
