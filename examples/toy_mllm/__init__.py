"""What train_toy_mllm.py is made of: scenes, what is said of them, lists of candidates, models, training, measures."""
