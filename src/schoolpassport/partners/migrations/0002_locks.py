from django.db import migrations

from schoolpassport.tenancy.rows import PartnerReads, PartnerTables, TenantTables


def _points(table: str, name: str, columns: str, target: str, keys: str) -> migrations.RunSQL:
    """A foreign key over several columns, which Django's models cannot declare."""
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {target} ({keys})",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _holds(table: str, name: str, condition: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_initial"), ("tenancy", "0001_initial")]

    operations = [
        TenantTables(
            "partners_integration",
            "partners_credential",
            "partners_token",
            "partners_nonce",
        ),
        PartnerReads("partners_integration", "partners_credential"),
        PartnerTables("partners_partnercredential", "partners_partnertoken"),
        # The partner's column decides what a partner may read: it must be the application's, all the way down.
        _points("partners_integration", "integration_in_district", "district_id", "tenancy_district", "id"),
        _points(
            "partners_integration",
            "integration_of_application",
            "application_id, partner_id",
            "partners_application",
            "id, partner_id",
        ),
        _points(
            "partners_credential",
            "credential_of_integration_and_partner",
            "district_id, integration_id, partner_id",
            "partners_integration",
            "district_id, id, partner_id",
        ),
        _points(
            "partners_token",
            "token_of_credential",
            "district_id, credential_id, integration_id",
            "partners_credential",
            "district_id, id, integration_id",
        ),
        _points("partners_partnercredential", "credential_of_partner", "partner_id", "partners_partner", "id"),
        _points(
            "partners_partnertoken",
            "token_of_partner_credential",
            "partner_id, credential_id",
            "partners_partnercredential",
            "partner_id, id",
        ),
        # Nonces have no such key: they are written on every signed request and live for minutes.
        _holds("partners_token", "tokens_are_hashes", "octet_length(digest) = 32"),
        _holds("partners_partnertoken", "partner_tokens_are_hashes", "octet_length(digest) = 32"),
    ]
