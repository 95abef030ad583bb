"""Makes the tables, and the schema of one tenant."""
from django.core.management import call_command

from customers.models import Customer, Domain

call_command("migrate_schemas", shared=True, run_syncdb=True, verbosity=0, interactive=False)
customer = Customer.objects.create(schema_name="one", name="One")
Domain.objects.create(domain="one.example.com", tenant=customer, is_primary=True)
