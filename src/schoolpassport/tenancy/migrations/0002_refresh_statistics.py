from django.db import migrations

# The planner's statistics of a table may be refreshed by its owner only, and the runtime role owns nothing. After a
# large load it may ask for that, for a table of ours, and for nothing else. Listed in tests/house.
# Looked at is what rows are found and joined by: columns of an index, and those of a fixed or short length. Documents
# and names would cost more than all of these; autovacuum looks at them in its own time.
CREATE = """
CREATE FUNCTION refresh_statistics(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text;
    narrow text;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY (tables)
    LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO narrow FROM pg_attribute a
        WHERE attrelid = format('public.%I', found)::regclass AND attnum > 0 AND NOT attisdropped
        AND (attlen > 0 OR atttypid = 'varchar'::regtype
             OR EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND attnum = ANY (indkey)));
        EXECUTE format('ANALYZE public.%I (%s)', found, narrow);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION refresh_statistics(text[]) FROM public;
GRANT EXECUTE ON FUNCTION refresh_statistics(text[]) TO schoolpassport_runtime;
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION refresh_statistics(text[])")]
