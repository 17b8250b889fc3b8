"""How a definition is written: its steps, texts, expressions and tables, and reading it from YAML."""
