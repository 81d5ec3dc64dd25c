from django.db import migrations

# A statement that leaves a record with two open versions fails: ``tenancy.rows.OneOpenVersion`` puts this on tables. It
# runs with the caller's rights: inside a district, which is as far as a record reaches. Two things need no look at the
# table: closing versions, and the very first revision, before which nothing can stand open (keys end with rev_from).
CREATE = """
CREATE FUNCTION one_open_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    later boolean;
    twice text;
BEGIN
    IF NOT EXISTS (SELECT FROM fresh WHERE rev_to = 2147483647) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM fresh WHERE rev_to = 2147483647 AND rev_from <> 1) THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE rev_from <> 1)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO later;
        IF NOT later THEN
            RETURN NULL;
        END IF;
    END IF;
    EXECUTE format(
        'SELECT f.id FROM fresh f JOIN %I.%I t USING (%s) '
        'WHERE f.rev_to = 2147483647 AND t.rev_to = 2147483647 AND t.rev_from <> f.rev_from LIMIT 1',
        TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0]
    ) INTO twice;
    IF twice IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('%s would have two open versions in %s', twice, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0002_refresh_statistics")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION one_open_version()")]
