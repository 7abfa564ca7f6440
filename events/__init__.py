"""What happened: event types, the append-only log and its storage, tables in and out."""
