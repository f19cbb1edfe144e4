"""The training of the learnt code: data, recipe, program. Never imported by the product."""
