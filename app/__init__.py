"""app knows how it looks and who may: the pages, the HTTP API, the feed and the command line."""
