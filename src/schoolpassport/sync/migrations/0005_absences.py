import django.contrib.postgres.fields
from django.db import migrations, models

from schoolpassport.tenancy.rows import TenantTables

_STATES = ["waiting", "running", "held", "done", "unchanged", "refused", "rejected", "superseded", "failed"]
_STATES += ["cancelled", "parked"]

# The limits of a district become a setting like its others: a document with versions.
_LIMITS_TO_SETTINGS = """
DO $$
DECLARE one uuid; found sync_limits;
BEGIN
    FOR one IN SELECT id FROM tenancy_district LOOP
        PERFORM set_config('sp.district', one::text, true);
        FOR found IN SELECT * FROM sync_limits WHERE district_id = one LOOP
            INSERT INTO sources_setting (district_id, source_id, subject, version, content, by, at)
            VALUES (one, '00000000-0000-0000-0000-000000000000', 'limits', 1, to_jsonb(found) - 'district_id',
                    'migration', '2026-11-25Z');
        END LOOP;
    END LOOP;
    PERFORM set_config('sp.district', '', true);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0004_schedules_and_attempts"),
        ("sources", "0003_settings_and_connections"),
        ("tenancy", "0003_one_open_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="Absence",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "district_id",
                        "source_id",
                        "kind",
                        "key",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("district_id", models.UUIDField()),
                ("source_id", models.UUIDField()),
                ("kind", models.CharField(max_length=20)),
                ("key", models.TextField(db_collation="C")),
                ("record_id", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[("witness", "Witness"), ("held", "Held"), ("kept", "Kept")], max_length=7
                    ),
                ),
                (
                    "witnesses",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None),
                ),
                ("explicit", models.BooleanField(default=False)),
                ("rule", models.CharField(max_length=40)),
                ("reason", models.TextField(blank=True)),
                ("since_run", models.IntegerField()),
                ("run", models.IntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["district_id", "record_id"], name="absence_by_record")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["witness", "held", "kept"])), name="absence_state"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "held"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="held_removals_say_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("witnesses__len__lte", 3)), name="three_witnesses_at_most"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("since_run__lte", models.F("run"))), name="absences_begin_first"
                    ),
                ],
            },
        ),
        TenantTables("sync_absence"),
        migrations.AddField(model_name="run", name="quarantine", field=models.JSONField(null=True)),
        migrations.RemoveConstraint(model_name="run", name="run_state"),
        migrations.AlterField(
            model_name="run",
            name="state",
            field=models.CharField(
                choices=[(state, state.capitalize()) for state in (*_STATES, "suspended")], max_length=12
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", [*_STATES, "suspended"])), name="run_state"
            ),
        ),
        migrations.RunSQL(_LIMITS_TO_SETTINGS, migrations.RunSQL.noop),
        migrations.DeleteModel(name="Limits"),
    ]
