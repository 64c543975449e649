"""What Python objects become in PostgreSQL, and the other way round."""
