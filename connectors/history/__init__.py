"""An agent that looks into the site's own records."""
