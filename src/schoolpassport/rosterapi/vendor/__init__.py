"""What a partner does for itself, with its own token: its districts, its applications, and its webhooks."""
