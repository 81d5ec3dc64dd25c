from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("roster", "0001_initial")]

    operations = [
        TenantTables(
            "roster_revision",
            "roster_link",
            "roster_tally",
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
        ),
    ]
