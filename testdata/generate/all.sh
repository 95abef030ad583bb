#!/bin/sh
# Writes every table and vector again: all.sh DIR, DIR holding one virtual environment per Django, as DIR/django-5.2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
environments=${1:?the directory of the virtual environments}
for version in 1.11 2.2 3.0 3.1 3.2 4.2 5.0 5.2 6.1; do
	"$environments/django-$version/bin/python" "$here/generate.py" "$here/../vectors"
done
"$environments/django-6.1/bin/python" "$here/python.py" "$here/../vectors"
for version in 1.11 2.2 3.0 3.1 3.2 4.0 4.1 4.2 5.0 5.2 6.1; do
	"$environments/django-$version/bin/python" "$here/library.py" "$here/../vectors"
done
