"""Every table. The journal's two live in a file of their own on SQLite, all in one database on PostgreSQL.

Table models do not validate: what comes from outside passes through the frozen values of `commands` first.
"""
