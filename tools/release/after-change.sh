#!/bin/sh
# After a package was installed, replaced or removed: systemd reads the units again, and a sidecar that runs becomes the new one.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart django-sidecar.service || true
fi
