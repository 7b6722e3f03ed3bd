"""Pure views: a model in, Dash components out."""
