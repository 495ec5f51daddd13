"""Why a model answers as it does: importance, dependence, contributions to one score, what-if, benefit and cost."""
