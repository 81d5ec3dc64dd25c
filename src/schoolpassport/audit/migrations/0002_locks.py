from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        TenantTables(
            "audit_event",
        ),
        migrations.RunSQL(
            "REVOKE UPDATE, DELETE ON audit_event FROM schoolpassport_runtime",
            "GRANT UPDATE, DELETE ON audit_event TO schoolpassport_runtime",
        ),
    ]
