import sys, django, sqlite3, tempfile, os
from django.conf import settings
f=tempfile.mktemp()
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes","django.contrib.auth","django.contrib.sessions"],DATABASES={"default":{"ENGINE":"django.db.backends.sqlite3","NAME":f}},DEFAULT_AUTO_FIELD="django.db.models.AutoField")
django.setup()
from django.core.management import call_command
call_command("migrate",verbosity=0)
print("-- What Django %s makes on SQLite for django.contrib.auth and django.contrib.sessions.\n-- Written by testdata/generate/schema.py; do not edit." % django.__version__)
for (s,) in sqlite3.connect(f).execute("select sql from sqlite_master where sql is not null and (tbl_name='auth_user' or tbl_name='django_session') order by rootpage"): print(s+";")
