"""The verbs: functions from records to records. They take no path, open no file, import no other verb."""
