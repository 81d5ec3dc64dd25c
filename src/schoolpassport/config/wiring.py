"""Who listens to whom: the one list."""

from schoolpassport.sharing import actions as sharing
from schoolpassport.sync import contract


def connect() -> None:
    """Called once, when Django is ready."""
    if sharing.follow not in contract.followers:
        contract.followers.append(sharing.follow)  # views move to each new revision before a run is done
