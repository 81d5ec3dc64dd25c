from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("sources", "0001_initial")]

    operations = [
        TenantTables(
            "sources_source",
        ),
    ]
