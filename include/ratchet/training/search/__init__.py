"""The search for a model: settings are drawn by a sampler, tried on the validation spans, and kept in a study."""
