"""An agent behind any server that speaks POST /v1/chat/completions."""
