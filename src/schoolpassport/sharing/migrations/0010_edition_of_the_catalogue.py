from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0009_manifests"),
    ]

    operations = [
        # Consents that are there were written by the first edition.
        migrations.AddField(
            model_name="consent",
            name="edition",
            field=models.SmallIntegerField(default=1),
        ),
        migrations.AlterField(
            model_name="consent",
            name="edition",
            field=models.SmallIntegerField(default=2),
        ),
    ]
