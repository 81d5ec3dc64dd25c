"""Who listens to whom: the one list."""

from procrastinate import App


def on_jobs_ready(app: App) -> None:
    """Called by Procrastinate when its app is ready."""
