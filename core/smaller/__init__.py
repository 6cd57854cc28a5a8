"""Making a finished run smaller and faster: the ways to do it (`ways`), beginning one (`starting`), what each brings (`measuring`, `results`)."""
