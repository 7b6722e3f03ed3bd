"""streams knows what happened and who goes: from a device's message to a case in somebody's hands."""
