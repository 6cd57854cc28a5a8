"""Programs that travel with a model. They are copied as they are, and import nothing of Hone."""
