"""Database access: tables, migrations, repositories and transactions. No other package imports SQLAlchemy.

A repository reads and writes facts of the domain and decides nothing: transitions are pure functions of ``domain``.
"""
