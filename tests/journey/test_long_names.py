"""Names longer than anybody needs: of files and columns told of like others, of what people make refused in words."""

import pytest

from schoolpassport.kit.ids import new_id
from schoolpassport.kit.naming import BadName
from schoolpassport.partners import actions as partners
from schoolpassport.sources import actions as sources
from schoolpassport.tenancy import actions as tenancy
from tests.support.nights import Nights, nights
from tests.support.packages import small

LONG = f"Alle Schülerinnen und Schüler im Schuljahr 2026-2027 mit {'Spinden, ' * 15}Stand"
HEADER = "Anmerkungen der Klassenleitung, die niemand außer ihr lesen soll, " * 40


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def test_a_file_that_nobody_asked_for_may_have_a_long_name(sis):
    name = f"{LONG} 1. September.csv"
    run = sis.done({**small().texts(), name: "a,b\n1,2\n"})
    assert name in {f.file for f in sis.findings(run)}
    assert any(name in s for s in sis.sentences(run))


def test_columns_that_nobody_asked_for_may_have_long_names_that_begin_alike(sis):
    texts = small().texts()
    head, *rows = texts["orgs.csv"].splitlines()
    longer = "\n".join([f'{head},"{HEADER}1","{HEADER}2"', *(f"{row},," for row in rows)]) + "\n"
    run = sis.done({**texts, "orgs.csv": longer})
    assert {n for n in "12" if any(f"{HEADER}{n}" in s for s in sis.sentences(run))} == {"1", "2"}


@pytest.mark.parametrize("text", ["x" * 301, " "])
@pytest.mark.parametrize("what", ["district", "source", "partner", "application"])
def test_districts_sources_partners_and_applications_have_names(what, text, district, now):
    by = {"by": "test", "now": now}
    register = {
        "district": lambda: tenancy.register_district(name=text, now=now),
        "source": lambda: sources.register_source(district_id=district.id, name=text, schema="oneroster-1.1", **by),
        "partner": lambda: partners.register_partner(name=text, **by),
        "application": lambda: partners.register_application(
            partner_id=partners.register_partner(name=f"Partner {new_id()}", **by).id, name=text, **by
        ),
    }
    with pytest.raises(BadName):
        register[what]()
