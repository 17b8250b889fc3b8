"""A small home-grown ERP with a JSON interface, as a plant may have written it for itself."""
