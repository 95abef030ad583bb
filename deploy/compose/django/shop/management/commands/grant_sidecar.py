from urllib.parse import unquote, urlsplit

from django.core.management.base import BaseCommand
from django.db import connection
from psycopg2 import sql

from shop.settings import secret

# docs/operations.md, "What it needs"
GRANTS = """
GRANT SELECT (session_key, session_data, expire_date) ON django_session TO {role};
GRANT SELECT (id, password, username, email, is_active, is_staff, is_superuser) ON auth_user TO {role};
GRANT SELECT ON auth_group, auth_permission, django_content_type, auth_group_permissions, auth_user_groups, auth_user_user_permissions TO {role};
"""


class Command(BaseCommand):
    help = "Makes the database role of the sidecar, and lets it read what it needs."

    def handle(self, *args, **options):
        url = urlsplit(secret("SIDECAR_DATABASE_URL"))
        role, password = sql.Identifier(url.username), sql.Literal(unquote(url.password))
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [url.username])
            verb = "ALTER" if cursor.fetchone() is not None else "CREATE"
            cursor.execute(sql.SQL(verb + " ROLE {role} LOGIN PASSWORD {password}").format(role=role, password=password))
            cursor.execute(sql.SQL(GRANTS).format(role=role))
        self.stdout.write("%s may read sessions and users" % url.username)
