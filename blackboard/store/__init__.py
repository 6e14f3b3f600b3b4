"""The store: tables, views, migrations and every statement. It decides nothing."""
