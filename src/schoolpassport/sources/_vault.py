"""The master keys, for what the room keeps sealed in columns of its tables."""

from django.conf import settings

from schoolpassport.kit.secrets import Vault


def vault() -> Vault:
    """Read each time: what is sealed is opened once a night, and another process may have rotated the key."""
    return Vault.from_file(settings.ENVIRONMENT.key_file)
