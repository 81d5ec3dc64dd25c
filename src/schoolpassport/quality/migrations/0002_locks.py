from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_initial")]

    operations = [
        TenantTables(
            "quality_finding",
            "quality_findingcount",
        ),
    ]
