"""Saves uploads as Django's FileSystemStorage does, so that what comes out can be compared.

A request on stdin: {"cases": [...], "uid"}; an answer on stdout: {"django", "python", "names"}, a name or an exception for each case.
A case: {"root", "umask", "file", "directory" (modes or null), "name", "content"}. With "uid" the files are saved by that user,
who is in no group but that of the same number.
"""
from __future__ import unicode_literals

import json
import os
import sys

sys.dont_write_bytecode = True

import django
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage


def save(case):
    # Read by the storage where it is made without permissions of its own: core/files/storage/filesystem.py, 5.2.
    settings.FILE_UPLOAD_PERMISSIONS = case["file"]
    settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS = case["directory"]
    os.umask(case["umask"])
    try:
        return FileSystemStorage(location=case["root"]).save(case["name"], ContentFile(case["content"].encode("utf-8")))
    except Exception as exception:
        return "%s: %s" % (type(exception).__name__, exception)


def main():
    request = json.loads(sys.stdin.read())
    settings.configure(USE_TZ=True)
    django.setup()
    if request["uid"]:
        # All that Django imports late is imported by now.
        FileSystemStorage(location="/").exists("nothing")
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    names = [save(case) for case in request["cases"]]
    json.dump({"django": django.get_version(), "python": sys.version.split()[0], "names": names}, sys.stdout)


main()
