"""A file or a folder that somebody hands over: there is nothing to fetch."""

from pathlib import Path

from schoolpassport.sources.connectors.shape import Checked, Collected, Connector, Given, NeedsAttention, Watch


def _check(given: Given) -> Checked:
    del given
    return Checked(ok=True, sentence="Nothing is fetched: packages are handed over (schoolpassport sync PACKAGE).")


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    del given, into, watch
    raise NeedsAttention("This source fetches nothing by itself. Hand a package over: schoolpassport sync PACKAGE.")


CONNECTOR = Connector(
    name="upload",
    title="Upload",
    about="A zip file or a folder, handed over by a person or a script.",
    settings=(),
    check=_check,
    collect=_collect,
    fetches=False,
)
