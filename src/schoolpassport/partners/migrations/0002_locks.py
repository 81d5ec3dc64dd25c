from django.db import migrations

from schoolpassport.tenancy.rows import PartnerReads, PartnerTables, TenantTables


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_initial")]

    operations = [
        TenantTables(
            "partners_integration",
            "partners_credential",
            "partners_token",
            "partners_nonce",
        ),
        PartnerReads("partners_integration", "partners_credential"),
        PartnerTables("partners_partnercredential", "partners_partnertoken"),
    ]
