"""The store: tables, views, migrations and every query; the only place with SQL. It decides nothing."""
