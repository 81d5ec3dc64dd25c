from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("sync", "0001_initial")]

    operations = [
        TenantTables(
            "sync_run",
            "sync_step",
            "sync_statistic",
            "sync_limits",
        ),
    ]
