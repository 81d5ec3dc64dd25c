from django.db import migrations

# What ``steps`` writes from now on, of consents that are there: the one in force, else the last one. The owner reads and
# writes past the lock between districts for this one statement.
TELL = """
    ALTER TABLE sharing_consent NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE partners_integration NO FORCE ROW LEVEL SECURITY;
    UPDATE partners_integration i SET sharing_state = c.state, sharing_until = coalesce(c.ended_at, c.expires_at)
    FROM (SELECT DISTINCT ON (district_id, integration_id) * FROM sharing_consent
        WHERE NOT (state = 'draft' AND author = 'district')
        ORDER BY district_id, integration_id, state IN ('active', 'suspended') DESC, id DESC) c
    WHERE c.district_id = i.district_id AND c.integration_id = i.id;
    ALTER TABLE partners_integration FORCE ROW LEVEL SECURITY;
    ALTER TABLE sharing_consent FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0010_edition_of_the_catalogue"),
        ("partners", "0004_how_sharing_stands"),
    ]

    operations = [
        migrations.RunSQL(TELL, migrations.RunSQL.noop),
    ]
