"""Tables of the room. Rows point at one another by composite keys; `0002_locks` holds those keys in the database."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Partner(models.Model):
    """The register of partners; names are public."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField()


class Application(models.Model):
    id = models.UUIDField(primary_key=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("id", "partner"), name="application_of_partner"),)


class Integration(models.Model):
    """One application in one district."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    partner_id = models.UUIDField()
    application_id = models.UUIDField()
    activated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    data_completed_at = models.DateTimeField(null=True)  # when its view last became ready
    sharing_state = models.CharField(max_length=17, blank=True)  # of its consent, as far as the partner may know
    sharing_until = models.DateTimeField(null=True)  # when that ends, or ended

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "application_id"), name="one_integration_per_application"),
            models.UniqueConstraint(fields=("district_id", "id", "partner_id"), name="integration_of_partner"),
        )


class MaskSecret(models.Model):
    """What the masks of one integration draw from. Never changed: all that was ever masked would look different."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()  # of the integration
    sealed_secret = models.BinaryField()
    made_at = models.DateTimeField()


class Credential(models.Model):
    """A client id and its secret. Several may be valid while one rotates out (``expires_at``)."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    partner_id = models.UUIDField()
    integration_id = models.UUIDField()
    client_id = models.CharField(max_length=80)
    sealed_secret = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "client_id"), name="client_ids_differ"),
            models.UniqueConstraint(fields=("district_id", "id", "integration_id"), name="credential_of_integration"),
        )
        indexes = (models.Index(fields=("district_id", "integration_id"), name="credential_by_integration"),)


class Token(models.Model):
    """A bearer token, as the hash of what the client holds."""

    pk = models.CompositePrimaryKey("district_id", "digest")
    district_id = models.UUIDField()
    digest = models.BinaryField(max_length=32)
    integration_id = models.UUIDField()
    credential_id = models.UUIDField()
    scopes = ArrayField(models.TextField())
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(expires_at__gt=models.F("issued_at")), name="tokens_live"),
        )
        indexes = (models.Index(fields=("district_id", "credential_id", "expires_at"), name="token_by_credential"),)


class Nonce(models.Model):
    """A signed request seen once; the key keeps the second one out."""

    pk = models.CompositePrimaryKey("district_id", "credential_id", "stamp", "nonce")
    district_id = models.UUIDField()
    credential_id = models.UUIDField()
    stamp = models.BigIntegerField()  # the request's timestamp, seconds
    nonce = models.CharField(max_length=255)


class PartnerCredential(models.Model):
    """The partner's own credentials, for Discovery only."""

    pk = models.CompositePrimaryKey("partner_id", "id")
    partner_id = models.UUIDField()
    id = models.UUIDField()
    client_id = models.CharField(max_length=80)
    sealed_secret = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("partner_id", "client_id"), name="partner_client_ids_differ"),)


class PartnerToken(models.Model):
    pk = models.CompositePrimaryKey("partner_id", "digest")
    partner_id = models.UUIDField()
    digest = models.BinaryField(max_length=32)
    credential_id = models.UUIDField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("issued_at")), name="partner_tokens_live"
            ),
        )
        indexes = (
            models.Index(fields=("partner_id", "credential_id", "expires_at"), name="partner_token_by_credential"),
        )
