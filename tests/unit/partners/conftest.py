from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.partners import Integrated


def _integrated(*given, **named):
    from tests.support.partners import integrated

    return integrated(*given, **named)


@pytest.fixture
def app(district, now) -> "Integrated":
    return _integrated(district.id, now)


@pytest.fixture
def other_app(district, now) -> "Integrated":
    """Of another partner, in the same district."""
    return _integrated(district.id, now)


@pytest.fixture
def app_elsewhere(other_district, now, app) -> "Integrated":
    """Of the same partner, in another district."""
    return _integrated(other_district.id, now, partner=app.partner)
