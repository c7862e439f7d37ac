"""The experiments of the article that serd began with."""
