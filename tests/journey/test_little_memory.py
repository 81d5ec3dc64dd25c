"""A run that needs more memory than it may have changes nothing, and says which setting to raise."""

from dataclasses import replace

import duckdb
import pytest
from django.conf import settings

from schoolpassport.sync import queries
from schoolpassport.tenancy import scope
from tests.support.nights import nights
from tests.support.packages import small


def test_a_run_without_memory_names_the_setting_and_may_be_tried_again(district, tmp_path, now, monkeypatch):
    sis = nights(district_id=district.id, folder=tmp_path, now=now)
    run = sis.ask(small())
    enough = settings.ENVIRONMENT
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(enough, sync_memory_mb=1))
    with pytest.raises(duckdb.OutOfMemoryException):
        sis.walk(run)
    assert (sis.state(run), sis.revision()) == ("failed", 0)
    with scope.inside(district.id):
        (told,) = queries.runs(district_id=district.id)
    assert told.message == (
        "The run needed more memory than the 1 MB that SCHOOLPASSPORT_SYNC_MEMORY_MB grants; nothing was changed. "
        "Raise the setting, and try again."
    )
    monkeypatch.setattr(settings, "ENVIRONMENT", enough)
    assert sis.walk(run).state == "done"
