"""The command line, one file a verb; verbs load lazily."""
