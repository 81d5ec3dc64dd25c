from django.db import migrations

# The planner's statistics of a table may be refreshed by its owner only, and the runtime role owns nothing. After a
# large load it may ask for that, for a table of ours, and for nothing else. Listed in tests/house.
CREATE = """
CREATE FUNCTION refresh_statistics(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found text;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY (tables)
    LOOP
        EXECUTE format('ANALYZE public.%I', found);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION refresh_statistics(text[]) FROM public;
GRANT EXECUTE ON FUNCTION refresh_statistics(text[]) TO schoolpassport_runtime;
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION refresh_statistics(text[])")]
