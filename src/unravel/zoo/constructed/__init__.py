"""`ioi-constructed`: a model whose weights are written by hand, so that its circuit is known and not merely found."""
