"""The store: tables, views, migrations, statements and transactions. It contains no rule of the board."""
