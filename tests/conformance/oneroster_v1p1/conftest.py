from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.oneroster_v1p1 import providers


@pytest.fixture(scope="session")
def provider(tmp_path_factory) -> Iterator[providers.Provider]:
    """The demo serving the district made by hand: small, and full of odd values."""
    folder: Path = tmp_path_factory.mktemp("small")
    with providers.running(providers.zip_small_district(folder / "package.zip"), folder) as running:
        yield running


@pytest.fixture(scope="session")
def big_provider(tmp_path_factory) -> Iterator[providers.Provider]:
    """The demo serving the generated district of five schools: enough records to page through."""
    folder: Path = tmp_path_factory.mktemp("big")
    package = providers.DATA / "oneroster-1.1" / "district-5-schools.zip"
    with providers.running(package, folder) as running:
        yield running
