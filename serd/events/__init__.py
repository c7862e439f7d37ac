"""What serd publishes: the event and its schema, reports, and the controls of a source."""
