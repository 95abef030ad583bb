# The settings that Misago's own development project has, with this deployment's database.
import json
import os

from devproject.settings import *  # noqa: F403

DEBUG = False
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
