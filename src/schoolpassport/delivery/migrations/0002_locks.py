from django.db import migrations

from schoolpassport.tenancy.rows import TenantTables


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial"), ("tenancy", "0003_one_open_version")]

    operations = [
        TenantTables(
            "delivery_ownformat", "delivery_delivery", "delivery_secret", "delivery_shipment", "delivery_account"
        ),
    ]
