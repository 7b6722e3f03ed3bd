"""What the pages show: pure functions, model in, Dash components out. Nothing here reads Redis or the clock."""
