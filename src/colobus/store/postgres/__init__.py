"""PostgreSQL, and what speaks its protocol: connections, transactions, errors, notifications."""
