"""Search: relaxations, updates, strategies, and decoding under budgets."""
