"""The event and its schema, the reports to publishers, and the controls of a source."""
