"""PostgreSQL: one repository is one .py file and its .sql file."""
