"""Labels on their way out and in: what is written of each row (`rows`), the formats (`tables`, `studio`, `spacy`, `conll`), and files that
bring answers of people with them (`answered`). `core.data.exporting` is the way in from outside."""
