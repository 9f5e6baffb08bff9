"""From settings to a trained tokenizer or prior and its stored run."""
