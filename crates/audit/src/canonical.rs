//! RFC 8785 JSON of entries, in the field names of the API: what is hashed is what an outsider reads.
