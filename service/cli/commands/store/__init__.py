"""Commands for the store as a whole: made, migrated, backed up, restored, purged."""
