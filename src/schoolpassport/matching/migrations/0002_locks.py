from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("matching", "0001_initial")]

    operations = [TenantTables("matching_proposal", "matching_looked")]
