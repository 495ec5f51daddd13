"""How a version becomes champion, and how a former one comes back."""
