from collections.abc import Iterator

import pytest

from tests.conformance.oneroster_v1p1 import providers


@pytest.fixture(scope="session")
def provider() -> Iterator[providers.Provider]:
    """The demo serving the district made by hand: small, and full of odd values."""
    with providers.open_folder() as folder:
        package = providers.zip_small_district(folder / "package.zip")
        with providers.running(package, folder) as running:
            yield running


@pytest.fixture(scope="session")
def big_provider() -> Iterator[providers.Provider]:
    """The demo serving the generated district of five schools: enough records to page through."""
    package = providers.DATA / "oneroster-1.1" / "district-5-schools.zip"
    with providers.open_folder() as folder, providers.running(package, folder) as running:
        yield running
