"""Stages that keep planted passages from the model: copies of the query, sentences addressed to the model, choirs."""
