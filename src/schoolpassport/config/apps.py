from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "schoolpassport.config"

    def ready(self) -> None:
        from schoolpassport.config import wiring  # noqa: PLC0415 (models must be loaded first)

        wiring.connect()
