"""SQL: tables, migrations, repositories and the transactions. The only package that knows SQLAlchemy.

A repository answers with facts of the domain and decides nothing: transitions are pure and live in ``domain``.
"""
