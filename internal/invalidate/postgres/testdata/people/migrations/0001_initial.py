import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("auth", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Member",
            fields=[
                ("password", models.CharField(max_length=128)),
                ("last_login", models.DateTimeField(blank=True, null=True)),
                ("is_superuser", models.BooleanField(default=False)),
                ("id", models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="Member Id", serialize=False)),
                ("email", models.EmailField(max_length=254, unique=True, db_column="E Mail")),
                ("is_active", models.BooleanField(default=True)),
                ("shoe_size", models.IntegerField(default=42)),
                ("groups", models.ManyToManyField(blank=True, related_name="user_set", related_query_name="user", to="auth.Group")),
                ("user_permissions", models.ManyToManyField(blank=True, related_name="user_set", related_query_name="user", to="auth.Permission")),
            ],
            options={"db_table": "Our Members"},
        ),
    ]
