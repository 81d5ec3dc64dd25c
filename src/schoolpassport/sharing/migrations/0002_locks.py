from django.db import migrations

from schoolpassport.tenancy.rows import OneOpenVersion, Room, TenantTables

VERSIONS = (
    "sharing_academic_session",
    "sharing_category",
    "sharing_org",
    "sharing_resource",
    "sharing_course",
    "sharing_user",
    "sharing_class",
    "sharing_demographics",
    "sharing_enrollment",
    "sharing_line_item",
    "sharing_result",
)


class Migration(migrations.Migration):
    dependencies = [("sharing", "0001_initial"), ("tenancy", "0003_one_open_version")]

    operations = [
        TenantTables("sharing_consent", "sharing_view", "sharing_viewrevision", "sharing_pull", *VERSIONS),
        OneOpenVersion(*VERSIONS, record="district_id, view, id"),
        Room(*VERSIONS, percent=10),
    ]
