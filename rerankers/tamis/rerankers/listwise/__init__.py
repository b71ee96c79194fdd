"""Several passages in one prompt: sliding windows, tournaments, reasons; and how prompts of many queries are joined."""
