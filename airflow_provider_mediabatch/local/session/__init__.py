"""Who sent a statement and what it may see: sessions, a statement's context, names and privileges."""
