from importlib import import_module

from django.db import migrations

# The same rule, looked up and not joined. What else there is of a record is found by its key, whatever the planner
# thinks of a table: it knows nothing yet of a district or a view that is being filled, and took to comparing each row
# with each. And where the first revision of a district or of a view is written, there is nothing to look up.
CREATE = """
CREATE OR REPLACE FUNCTION one_open_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_mergejoin = off SET enable_hashjoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_nestloop = on AS $$
DECLARE
    owner text := regexp_replace(TG_ARGV[0], ', id$', '');
    others boolean;
    twice text;
BEGIN
    IF NOT EXISTS (SELECT FROM fresh WHERE rev_to = 2147483647) THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM (SELECT DISTINCT %3$s, rev_from FROM fresh WHERE rev_to = 2147483647) f '
        'JOIN %1$I.%2$I t USING (%3$s) WHERE t.rev_from <> f.rev_from)',
        TG_TABLE_SCHEMA, TG_TABLE_NAME, owner
    ) INTO others;
    IF NOT others THEN
        RETURN NULL;
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


def _before() -> str:
    before: str = import_module("schoolpassport.tenancy.migrations.0003_one_open_version").CREATE
    return before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_one_open_version")]

    operations = [migrations.RunSQL(CREATE, _before())]
