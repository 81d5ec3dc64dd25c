from django.db import migrations

from schoolpassport.tenancy.rows import OneOpenVersion, Room, TenantTables

VERSIONS = (
    "roster_academic_session",
    "roster_category",
    "roster_org",
    "roster_resource",
    "roster_course",
    "roster_user",
    "roster_class",
    "roster_demographics",
    "roster_enrollment",
    "roster_line_item",
    "roster_result",
)


class Migration(migrations.Migration):
    dependencies = [("roster", "0001_initial"), ("tenancy", "0003_one_open_version")]

    operations = [
        TenantTables("roster_revision", "roster_link", "roster_tally", *VERSIONS),
        OneOpenVersion(*VERSIONS, record="district_id, id"),
        Room("roster_link", *VERSIONS, percent=5),
    ]
