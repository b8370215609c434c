"""A training in several processes: what each of them learns from, how they agree, and who starts them."""
